// SPDX-License-Identifier: Apache-2.0

import { DAY_MS, HOUR_MS, MIB, MINUTE_MS, milliseconds, number, port, text } from "../settings/mod.ts";

import { LOGGER_SETTINGS } from "../telemetry/settings.ts";

/**
 * The largest review (AdmissionReview) of the API server. It holds an object and, for a change, its old version. The
 * API server takes objects of up to 3 MiB, but etcd stores at most 1.5 MiB of each. So two stored objects have at
 * most 3 MiB, and a larger new one is refused in the end anyway. The rest of a review is small (the user's name and
 * groups, and a few names). Stateful services have less than 10 KiB, and their pods about 20 KiB.
 */
const MAX_REVIEW_BYTES = 4 * MIB;

/** Every setting of the webhook's own process. Annotations and `config-perdure` set what it does to services. */
export const WEBHOOK_SETTINGS = {
  port: port(
    "port",
    "PERDURE_WEBHOOK_PORT",
    8_443,
    "Port that the API server sends reviews to; 0 lets the system choose.",
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
  checkIntervalMs: milliseconds(
    "check-interval",
    "PERDURE_CHECK_INTERVAL_MS",
    MINUTE_MS,
    "How often certificate and `caBundle` are checked, besides whenever the Secret changes.",
    [1_000, DAY_MS],
  ),
  propagationDelayMs: milliseconds(
    "propagation-delay",
    "PERDURE_PROPAGATION_DELAY_MS",
    5_000,
    "How long API servers may take to hear of a new `caBundle`, before the certificate that it vouches for is served.",
    [0, 10 * MINUTE_MS],
  ),
  maxBodyBytes: number(
    "max-body-bytes",
    "PERDURE_MAX_BODY_BYTES",
    MAX_REVIEW_BYTES,
    "bytes",
    [65_536, 64 * MIB],
    "Largest review of the API server; two objects of the largest size that it stores fit.",
  ),
  maxPendingBytes: number(
    "max-pending-bytes",
    "PERDURE_MAX_PENDING_BYTES",
    4 * MAX_REVIEW_BYTES,
    "bytes",
    [262_144, 256 * MIB],
    "Bytes of all reviews and answers together; at least four times `--max-body-bytes`, because one address has at most half, and one of its connections half of that.",
  ),
  maxJsonDepth: number(
    "max-json-depth",
    "PERDURE_MAX_JSON_DEPTH",
    64,
    "levels",
    [16, 1_000],
    "Lists and objects in one another in a review; those of a pod with all that Kubernetes adds are 12 deep.",
  ),
  maxJsonValues: number(
    "max-json-values",
    "PERDURE_MAX_JSON_VALUES",
    50_000,
    "values",
    [10_000, 10_000_000],
    "Keys and values of a review, each comma, colon and opening bracket counted; that of a stateful pod has less than 2,000.",
  ),
  maxConnections: number(
    "max-connections",
    "PERDURE_MAX_CONNECTIONS",
    1_000,
    "connections",
    [4, 100_000],
    "Open connections; more are refused. One address has at most half of them.",
  ),
  requestTimeoutMs: milliseconds(
    "request-timeout",
    "PERDURE_REQUEST_TIMEOUT_MS",
    5_000,
    "How long each may take: a TLS handshake, the first byte of the first review, a whole review, and its answer.",
    [100, 10 * MINUTE_MS],
  ),
  apiTimeoutMs: milliseconds(
    "api-timeout",
    "PERDURE_API_TIMEOUT_MS",
    10_000,
    "How long an answer of the API server is waited for.",
    [100, 10 * MINUTE_MS],
  ),
  watchTimeoutMs: milliseconds(
    "watch-timeout",
    "PERDURE_WATCH_TIMEOUT_MS",
    MINUTE_MS,
    "How long one watch lasts before the next begins.",
    [1_000, HOUR_MS],
  ),
  backoffMinMs: milliseconds(
    "backoff-min",
    "PERDURE_BACKOFF_MIN_MS",
    100,
    "First wait before the API server is asked again; it doubles with each try, with a jitter of 20 %.",
  ),
  backoffMaxMs: milliseconds(
    "backoff-max",
    "PERDURE_BACKOFF_MAX_MS",
    10_000,
    "Longest wait before the API server is asked again.",
  ),
  shutdownDelayMs: milliseconds(
    "shutdown-delay",
    "PERDURE_SHUTDOWN_DELAY_MS",
    10_000,
    "How long the webhook continues to serve after it is told to stop, because the API server hears of the end only later.",
    [0, 10 * MINUTE_MS],
  ),
  drainTimeoutMs: milliseconds(
    "drain-timeout",
    "PERDURE_DRAIN_TIMEOUT_MS",
    5_000,
    "How long reviews that are being answered may take after that.",
    [0, 10 * MINUTE_MS],
  ),
  serviceAccount: text(
    "service-account",
    "PERDURE_SERVICE_ACCOUNT",
    "/var/run/secrets/kubernetes.io/serviceaccount",
    "Folder with `token` and `ca.crt` of the service account by which the API server is asked.",
  ),
  ...LOGGER_SETTINGS,
} as const;
