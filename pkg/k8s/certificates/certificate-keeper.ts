// SPDX-License-Identifier: Apache-2.0

import type { BackoffOptions } from "../../base/mod.ts";
import { backoffMs, sleep } from "../../base/mod.ts";

import { applyCaBundle } from "../api/ca-bundle.ts";
import { objectOrEmpty } from "../api/json.ts";
import { K8sError } from "../api/k8s-error.ts";
import type { WatchDependencies } from "../api/watch-object.ts";
import type { Certificates } from "./certificates.ts";
import { certificatesOf, judge, secretDataOf, succeed } from "./certificates.ts";
import { makeCertificates } from "./make-certificates.ts";

export interface KeeperOptions {
  /** Of the Secret, which must exist. */
  readonly namespace: string;
  readonly secret: string;
  /** The `MutatingWebhookConfiguration` whose `caBundle` makes the API server trust the webhook. */
  readonly configuration: string;
  /** The host names by which the API server calls the webhook. */
  readonly names: readonly string[];
  readonly validForMs: number;
  /** A certificate is renewed so long before its end. */
  readonly renewBeforeMs: number;
  /** How often everything is checked again without a `wake`. */
  readonly checkIntervalMs: number;
  /** How long API servers may take to learn of a new `caBundle`. */
  readonly propagationDelayMs: number;
  readonly backoff: BackoffOptions;
}

export interface KeeperDependencies extends WatchDependencies {
  /** Takes certificates to serve from now on. */
  readonly serve: (certificates: Certificates) => void;
}

/** How often a write is repeated after a conflict, which means that another replica wrote first. */
const MAX_CONFLICTS = 5;

/**
 * Keeps the serving certificate of all replicas, in one Secret:
 *
 * 1. A certificate is served only after its signer is in the `caBundle`. A certificate that replaces another one also
 *    waits for `propagationDelayMs`. Meanwhile the old one is served, whose signer is still trusted.
 * 2. The Secret is written with the version that was read. So of replicas that renew at the same time one succeeds, and
 *    the others take what it wrote.
 * 3. A renewal that fails is tried again until it succeeds; until then the old certificate is served.
 * 4. Each check starts from the state of the API server. The keeper remembers only the certificate that it serves.
 */
export class CertificateKeeper {
  readonly #options: KeeperOptions;
  readonly #dependencies: KeeperDependencies;
  #served: Certificates | undefined;
  #wake = new AbortController();

  constructor(options: KeeperOptions, dependencies: KeeperDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
  }

  /** Makes the keeper check at once, because something changed. */
  wake(): void {
    this.#wake.abort();
  }

  /** Checks again and again, until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, telemetry } = this.#dependencies;
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
        telemetry.logger.error("the certificate cannot be looked after", { error });
        // `wake` does not cut this pause short, so that changes that keep failing are not tried without a pause.
        await sleep(clock, backoffMs(failures, this.#options.backoff, random), signal);
      }
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { api, clock, telemetry, serve } = this.#dependencies;
    const certificates = await this.#current(signal);
    const isNews = await applyCaBundle(api, this.#options.configuration, certificates.ca, signal);
    if (isNews) telemetry.logger.info("the API server was told whom to trust");
    if (this.#served?.cert === certificates.cert) return;
    if (this.#served !== undefined) await sleep(clock, this.#options.propagationDelayMs, signal);
    if (signal.aborted) return;
    serve(certificates);
    this.#served = certificates;
    telemetry.logger.info("a certificate is served from now on");
  }

  /** The certificates in the Secret, which are renewed first if that is due. */
  async #current(signal: AbortSignal): Promise<Certificates> {
    const { api, clock, telemetry } = this.#dependencies;
    const { namespace, secret, names, validForMs, renewBeforeMs } = this.#options;
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(secret)}`;
    for (let conflicts = 0; ; conflicts += 1) {
      const found = await api.send({ method: "GET", path, signal });
      const old = certificatesOf(objectOrEmpty(found["data"]));
      const nowMs = clock.wallMs();
      const verdict = judge(old, names, nowMs, renewBeforeMs);
      if (verdict === "fresh" && old !== undefined) return old;
      telemetry.logger.info("a certificate is made", {
        because: verdict === "due" ? "the old one ends soon" : "there is none",
      });
      // The Secret may have been emptied. The signer of the certificate that is served now must stay trusted.
      const before = old ?? this.#served;
      const made = succeed(await makeCertificates(names, nowMs, validForMs), before, nowMs);
      try {
        // `found` has the version that was read, which makes this write a compare-and-set.
        const data = { ...objectOrEmpty(found["data"]), ...secretDataOf(made) };
        await api.send({ method: "PUT", path, body: { ...found, data }, signal });
        return made;
      } catch (error) {
        const isLate = error instanceof K8sError && error.code === "API_CONFLICT";
        if (!isLate || conflicts >= MAX_CONFLICTS) throw error;
      }
    }
  }
}
