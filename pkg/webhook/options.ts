// SPDX-License-Identifier: Apache-2.0

import type { Values } from "../base/mod.ts";
import { LOG_LEVELS, number, resolveSettings, SettingError, text } from "../base/mod.ts";
import { REPEAT_SETTINGS } from "../telemetry/mod.ts";

const MIB = 1_048_576;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/**
 * The largest question (AdmissionReview) of the API server. It holds an object and, for a change, its old version.
 * The API server takes objects of up to 3 MiB, but etcd stores at most 1.5 MiB of each. So two stored objects have at
 * most 3 MiB, and a larger new one is refused in the end anyway. The rest of a question is small (the user's name and
 * groups, and a few names). Stateful services have less than 10 KiB, and their pods about 20 KiB.
 */
const MAX_REVIEW_BYTES = 4 * MIB;

/** Every setting of the webhook's own process. Annotations and `config-perdure` set what it does to services. */
export const WEBHOOK_SETTINGS = {
  port: number(
    "port",
    "PERDURE_WEBHOOK_PORT",
    8_443,
    "port",
    [0, 65_535],
    "Port that the API server asks at; 0 lets the system choose.",
  ),
  host: text("host", "PERDURE_WEBHOOK_HOST", "0.0.0.0", "Address that the port is bound to."),
  namespace: text(
    "namespace",
    "POD_NAMESPACE",
    "perdure-system",
    "Where the webhook, `config-perdure` and the Secret are.",
  ),
  service: text(
    "service",
    "PERDURE_WEBHOOK_SERVICE",
    "webhook",
    "The Kubernetes Service by which the API server finds the webhook.",
  ),
  secret: text(
    "secret",
    "PERDURE_WEBHOOK_SECRET",
    "webhook-certs",
    "Secret in which the certificate is kept; it must exist, and may be empty.",
  ),
  configuration: text(
    "configuration",
    "PERDURE_WEBHOOK_CONFIGURATION",
    "webhook.perdure.dev",
    "MutatingWebhookConfiguration whose `caBundle` is kept.",
  ),
  certificateDays: number(
    "certificate-days",
    "PERDURE_CERTIFICATE_DAYS",
    90,
    "days",
    [1, 3_650],
    "How long a certificate is valid.",
  ),
  renewBeforeDays: number(
    "renew-before-days",
    "PERDURE_RENEW_BEFORE_DAYS",
    30,
    "days",
    [0, 3_650],
    "So long before its end a certificate is renewed; less than `--certificate-days`.",
  ),
  checkIntervalMs: number(
    "check-interval",
    "PERDURE_CHECK_INTERVAL_MS",
    MINUTE_MS,
    "ms",
    [1_000, DAY_MS],
    "How often certificate and `caBundle` are looked at, besides whenever the Secret changes.",
  ),
  propagationDelayMs: number(
    "propagation-delay",
    "PERDURE_PROPAGATION_DELAY_MS",
    5_000,
    "ms",
    [0, 10 * MINUTE_MS],
    "How long API servers may take to hear of a new `caBundle`, before the certificate that it vouches for is served.",
  ),
  maxBodyBytes: number(
    "max-body-bytes",
    "PERDURE_MAX_BODY_BYTES",
    MAX_REVIEW_BYTES,
    "bytes",
    [65_536, 64 * MIB],
    "Largest question of the API server; two objects of the largest size that it stores fit.",
  ),
  maxPendingBytes: number(
    "max-pending-bytes",
    "PERDURE_MAX_PENDING_BYTES",
    4 * MAX_REVIEW_BYTES,
    "bytes",
    [262_144, 256 * MIB],
    "Of all questions and answers together; at least four times `--max-body-bytes`, because one address has at most half, and one of its connections half of that.",
  ),
  maxJsonDepth: number(
    "max-json-depth",
    "PERDURE_MAX_JSON_DEPTH",
    64,
    "levels",
    [16, 1_000],
    "Lists and objects in one another in a question; those of a pod with all that Kubernetes adds are 12 deep.",
  ),
  maxJsonValues: number(
    "max-json-values",
    "PERDURE_MAX_JSON_VALUES",
    50_000,
    "values",
    [10_000, 10_000_000],
    "Keys and values of a question, each comma, colon and opening bracket counted; that of a stateful pod has less than 2,000.",
  ),
  maxConnections: number(
    "max-connections",
    "PERDURE_MAX_CONNECTIONS",
    1_000,
    "connections",
    [4, 100_000],
    "Open connections; more are refused. One address has at most half of them.",
  ),
  requestTimeoutMs: number(
    "request-timeout",
    "PERDURE_REQUEST_TIMEOUT_MS",
    5_000,
    "ms",
    [100, 10 * MINUTE_MS],
    "How long a TLS handshake, a first question's first byte, a question to its end, and its answer may take each.",
  ),
  apiTimeoutMs: number(
    "api-timeout",
    "PERDURE_API_TIMEOUT_MS",
    10_000,
    "ms",
    [100, 10 * MINUTE_MS],
    "How long an answer of the API server is waited for.",
  ),
  watchTimeoutMs: number(
    "watch-timeout",
    "PERDURE_WATCH_TIMEOUT_MS",
    MINUTE_MS,
    "ms",
    [1_000, 60 * MINUTE_MS],
    "How long one watch lasts before it is made anew.",
  ),
  backoffMinMs: number(
    "backoff-min",
    "PERDURE_BACKOFF_MIN_MS",
    100,
    "ms",
    [1, DAY_MS],
    "First wait before the API server is asked again; it doubles with each try, with a jitter of 20 %.",
  ),
  backoffMaxMs: number(
    "backoff-max",
    "PERDURE_BACKOFF_MAX_MS",
    10_000,
    "ms",
    [1, DAY_MS],
    "Longest wait before the API server is asked again.",
  ),
  shutdownDelayMs: number(
    "shutdown-delay",
    "PERDURE_SHUTDOWN_DELAY_MS",
    10_000,
    "ms",
    [0, 10 * MINUTE_MS],
    "How long the webhook goes on serving when it is told to stop, until nobody is sent to it any more.",
  ),
  drainTimeoutMs: number(
    "drain-timeout",
    "PERDURE_DRAIN_TIMEOUT_MS",
    5_000,
    "ms",
    [0, 10 * MINUTE_MS],
    "How long questions that are being answered may take after that.",
  ),
  serviceAccount: text(
    "service-account",
    "PERDURE_SERVICE_ACCOUNT",
    "/var/run/secrets/kubernetes.io/serviceaccount",
    "Folder with `token` and `ca.crt` of the service account by which the API server is asked.",
  ),
  logLevel: text("log-level", "PERDURE_LOG_LEVEL", "info", "How much the webhook says.", LOG_LEVELS),
  ...REPEAT_SETTINGS,
} as const;

export type WebhookOptions = Values<typeof WEBHOOK_SETTINGS>;

/** @throws SettingError */
export function webhookOptions(
  flags: Readonly<Record<string, string | undefined>>,
  env: Readonly<Record<string, string | undefined>>,
): WebhookOptions {
  const options = resolveSettings(WEBHOOK_SETTINGS, flags, env);
  const { certificateDays, renewBeforeDays } = options;
  if (renewBeforeDays >= certificateDays) {
    // Each check would renew the certificate.
    throw new SettingError(
      `--renew-before-days=${renewBeforeDays}: is less than --certificate-days (${certificateDays})`,
    );
  }
  const { maxBodyBytes, maxPendingBytes } = options;
  if (maxPendingBytes < 4 * maxBodyBytes) {
    throw new SettingError(
      `--max-pending-bytes=${maxPendingBytes}: is at least four times --max-body-bytes (${maxBodyBytes}), or no question could be that large`,
    );
  }
  return options;
}
