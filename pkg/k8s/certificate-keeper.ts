// SPDX-License-Identifier: Apache-2.0

import { backoffMs, sleep } from "../base/mod.ts";
import type { BackoffOptions, Clock, Logger, Random } from "../base/mod.ts";

import type { Api } from "./api.ts";
import { applyCaBundle } from "./ca-bundle.ts";
import { certificatesOf, judge, secretDataOf, succeed } from "./certificates.ts";
import type { Certificates } from "./certificates.ts";
import { objectOf } from "./json.ts";
import { K8sError } from "./k8s-error.ts";
import { makeCertificates } from "./make-certificates.ts";

export interface KeeperOptions {
  /** Of the Secret, which must exist. */
  readonly namespace: string;
  readonly secret: string;
  /** The `MutatingWebhookConfiguration` by whose word the API server trusts us. */
  readonly configuration: string;
  /** What the API server calls us by. */
  readonly names: readonly string[];
  readonly validForMs: number;
  /** A certificate is renewed so long before its end. */
  readonly renewBeforeMs: number;
  /** How often everything is looked at again, whether anybody said that it changed or not. */
  readonly checkIntervalMs: number;
  /** How long API servers may take to hear whom to trust. */
  readonly propagationDelayMs: number;
  readonly backoff: BackoffOptions;
}

export interface KeeperDeps {
  readonly api: Api;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Takes certificates to serve from now on. */
  readonly serve: (certificates: Certificates) => void;
}

/** A conflict means that another replica was quicker, which cannot go on for ever. */
const MAX_CONFLICTS = 5;

/**
 * Keeps the serving certificate of all replicas, in one Secret:
 *
 * 1. A certificate is served only after the API server has been told who signed it. One that replaces another waits for
 *    `propagationDelayMs` besides, while the old one, whose signer is still trusted, goes on being served.
 * 2. The Secret is written with the version that was read, so of replicas that renew at once one succeeds, and the others
 *    take what it wrote.
 * 3. A renewal that fails is tried again until it succeeds; until then the old certificate is served.
 * 4. Each look starts from what the API server has: nothing is remembered but what is being served.
 */
export class CertificateKeeper {
  readonly #options: KeeperOptions;
  readonly #deps: KeeperDeps;
  #served: Certificates | undefined;
  #wake = new AbortController();

  constructor(options: KeeperOptions, deps: KeeperDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Look at once: something changed. */
  wake(): void {
    this.#wake.abort();
  }

  /** Looks, and looks again, until the signal aborts. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, logger } = this.#deps;
    let failures = 0;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const woken = AbortSignal.any([signal, this.#wake.signal]);
      try {
        await this.#look(signal);
        failures = 0;
        await sleep(clock, this.#options.checkIntervalMs, woken);
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        logger.error("the certificate cannot be looked after", { error });
        // Not woken: changes are what it failed at.
        await sleep(clock, backoffMs(failures, this.#options.backoff, random), signal);
      }
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { api, clock, logger, serve } = this.#deps;
    const certificates = await this.#current(signal);
    const isNews = await applyCaBundle(api, this.#options.configuration, certificates.ca, signal);
    if (isNews) logger.info("the API server was told whom to trust");
    if (this.#served?.cert === certificates.cert) return;
    if (this.#served !== undefined) await sleep(clock, this.#options.propagationDelayMs, signal);
    if (signal.aborted) return;
    serve(certificates);
    this.#served = certificates;
    logger.info("a certificate is served from now on");
  }

  /** What is in the Secret, after it was renewed if that was due. */
  async #current(signal: AbortSignal): Promise<Certificates> {
    const { api, clock, logger } = this.#deps;
    const { namespace, secret, names, validForMs, renewBeforeMs } = this.#options;
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(secret)}`;
    for (let conflicts = 0; ; conflicts += 1) {
      const found = await api.send({ method: "GET", path, signal });
      const old = certificatesOf(objectOf(found["data"]));
      const nowMs = clock.wallMs();
      const verdict = judge(old, names, nowMs, renewBeforeMs);
      if (verdict === "fresh" && old !== undefined) return old;
      logger.info("a certificate is made", {
        because: verdict === "due" ? "the old one ends soon" : "there is none",
      });
      // Somebody may have emptied the Secret: who signed what is being served must go on being trusted.
      const before = old ?? this.#served;
      const made = succeed(await makeCertificates(names, nowMs, validForMs), before, nowMs);
      try {
        // With the version in it that was read, which makes it a compare-and-set.
        const data = { ...objectOf(found["data"]), ...secretDataOf(made) };
        await api.send({ method: "PUT", path, body: { ...found, data }, signal });
        return made;
      } catch (error) {
        const isLate = error instanceof K8sError && error.code === "API_CONFLICT";
        if (!isLate || conflicts >= MAX_CONFLICTS) throw error;
      }
    }
  }
}
