// SPDX-License-Identifier: Apache-2.0

import type { Clock, Logger, Random } from "../base/mod.ts";
import { sleep } from "../base/mod.ts";
import type { ApiAccess, Certificates, JsonObject } from "../k8s/mod.ts";
import { AdmissionServer, Api, CertificateKeeper, textsOf, watchObject } from "../k8s/mod.ts";
import { DAY_MS } from "../settings/mod.ts";
import type { CountingLogger, Telemetry } from "../telemetry/mod.ts";
import { countRepeats } from "../telemetry/mod.ts";

import type { Configuration } from "./configuration.ts";
import { CONFIG_NAME, readConfiguration } from "./configuration.ts";
import { newDrainSecret } from "./drain-secret.ts";
import type { WebhookOptions } from "./options.ts";
import { decide, parseReview, reviewAnswer } from "./review.ts";

export interface WebhookDependencies {
  readonly access: ApiAccess;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Aborts a start that waits for the API server; `stop` ends what has started. */
  readonly signal?: AbortSignal;
}

/** A running webhook. */
export interface Webhook {
  readonly port: number;
  /** Keeps serving for `shutdownDelayMs`, lets running questions finish (`drainTimeoutMs`), then closes everything. */
  stop(): Promise<void>;
}

/** A ConfigMap, a Secret or a webhook configuration. Each has at most the 1.5 MiB that etcd stores of one object. */
const MAX_ANSWER_BYTES = 2_097_152;

/**
 * Starts to keep the certificate and to follow `config-perdure`, and serves as soon as there is a certificate that
 * the API server trusts. While the API server cannot be reached, the start waits.
 *
 * @throws K8sError `WEBHOOK_PORT_UNUSABLE`; the reason of the signal if it aborts.
 */
export async function startWebhook(
  options: WebhookOptions,
  dependencies: WebhookDependencies,
): Promise<Webhook> {
  const { clock, random } = dependencies;
  const logger = countRepeats(dependencies.telemetry.logger, clock, options);
  const telemetry = { ...dependencies.telemetry, logger };
  const stopped = new AbortController();
  const apiOptions = { requestTimeoutMs: options.apiTimeoutMs, maxAnswerBytes: MAX_ANSWER_BYTES };
  const api = new Api(dependencies.access, apiOptions, clock);
  const configuration = followedConfiguration(logger);

  const serving = Promise.withResolvers<readonly [AdmissionServer, number]>();
  let server: AdmissionServer | undefined;
  const serve = (certificates: Certificates): void => {
    if (server !== undefined) return server.setCertificates(certificates);
    const problem = (): string | undefined => configuration.problem();
    const answer = (question: unknown) => answerReview(question, configuration.now(), logger);
    const made = new AdmissionServer(options, { clock, telemetry, answer, problem }, certificates);
    server = made;
    made.listen().then((port) => serving.resolve([made, port]), serving.reject);
  };

  const backoff = { minMs: options.backoffMinMs, maxMs: options.backoffMaxMs, jitter: 0.2 };
  const watching = { api, clock, random, telemetry };
  const kept = { ...options, ...certificateOptions(options), backoff };
  const keeper = new CertificateKeeper(kept, { ...watching, serve });
  const watch = (kind: string, name: string, onChange: (object: JsonObject | undefined) => void) =>
    watchObject(
      `/api/v1/namespaces/${encodeURIComponent(options.namespace)}/${kind}`,
      name,
      onChange,
      { ...options, backoff },
      watching,
      stopped.signal,
    );
  const running = Promise.all([
    keeper.run(stopped.signal),
    watch("configmaps", CONFIG_NAME, configuration.set),
    watch("secrets", options.secret, () => keeper.wake()),
  ]);
  const end = async (): Promise<void> => {
    stopped.abort();
    await running;
    api.close();
  };

  const giveUp = (): void => serving.reject(dependencies.signal?.reason);
  if (dependencies.signal?.aborted) giveUp();
  dependencies.signal?.addEventListener("abort", giveUp, { once: true });
  try {
    const [listening, port] = await serving.promise;
    logger.info("listening", { port });
    return { port, stop: () => stop(listening, end, options, clock, logger) };
  } catch (error) {
    await end();
    throw error;
  }
}

async function stop(
  server: AdmissionServer,
  end: () => Promise<void>,
  options: WebhookOptions,
  clock: Clock,
  logger: CountingLogger,
): Promise<void> {
  logger.info("stopping");
  // Until every API server knows that this address is gone, some still send questions here.
  server.letGo();
  await sleep(clock, options.shutdownDelayMs);
  await server.close(options.drainTimeoutMs);
  await end();
  logger.info("stopped");
  logger.flush();
}

function certificateOptions({ service, namespace, certificateDays, renewBeforeDays }: WebhookOptions) {
  const host = `${service}.${namespace}`;
  return {
    names: [`${host}.svc`, `${host}.svc.cluster.local`, host],
    validForMs: certificateDays * DAY_MS,
    renewBeforeMs: renewBeforeDays * DAY_MS,
  };
}

/** Follows `config-perdure`. If it becomes invalid, the last valid one stays in use: no mistake may stop all pods. */
function followedConfiguration(logger: Logger) {
  const notRead: Extract<Configuration, { kind: "invalid" }> = {
    kind: "invalid",
    problem: `the ConfigMap ${CONFIG_NAME} has not been read yet`,
  };
  let current: Configuration = notRead;
  let said = "";
  return {
    now: (): Configuration => current,
    problem: (): string | undefined => (current === notRead ? notRead.problem : undefined),
    set(object: JsonObject | undefined): void {
      const read = readConfiguration(object === undefined ? undefined : textsOf(object["data"]));
      const text = read.kind === "invalid" ? read.problem : JSON.stringify(read.values);
      if (text === said) return;
      said = text;
      if (read.kind === "valid") logger.info("the configuration was read", { configuration: read.values });
      else
        logger.error("the configuration is wrong", {
          problem: read.problem,
          inUse: current.kind === "valid" ? "the one before" : "none",
        });
      if (read.kind === "valid" || current.kind === "invalid") current = read;
    },
  };
}

function answerReview(question: unknown, configuration: Configuration, logger: Logger): object | undefined {
  const review = parseReview(question);
  if (review === undefined) return undefined;
  const decision = decide(review, configuration, newDrainSecret);
  const { resource, operation, namespace, name } = review;
  const object = { resource, operation, namespace, name: name || generatedName(review.object) };
  if (decision.kind === "deny") logger.warn("refused", { ...object, problems: decision.problems });
  else if (decision.patch.length > 0) logger.info("changed", { ...object, patches: decision.patch.length });
  else logger.debug("left as it is", object);
  return reviewAnswer(review.uid, decision);
}

/** The longest name that Kubernetes gives; what asks for a longer one is not checked yet. */
const MAX_SHOWN_CHARS = 253;

/** The beginning of a pod's name, because pods of a Deployment get their names only after the webhook has decided. */
function generatedName(object: JsonObject): string {
  return (textsOf(object["metadata"])["generateName"] ?? "").slice(0, MAX_SHOWN_CHARS);
}
