// SPDX-License-Identifier: Apache-2.0

import { DAY_MS, HOUR_MS, MIB, MINUTE_MS, milliseconds, named, number, port, text } from "../settings/mod.ts";

import { LOGGER_SETTINGS } from "../telemetry/settings.ts";

/**
 * The largest review (AdmissionReview) of the API server. It holds an object and, for a change, its old version. The
 * API server takes objects of up to 3 MiB, but etcd stores at most 1.5 MiB of each. So two stored objects have at
 * most 3 MiB, and a larger new one is refused in the end anyway. The rest of a review is small (the user's name and
 * groups, and a few names). Stateful services have less than 10 KiB, and their pods about 20 KiB.
 */
const MAX_REVIEW_BYTES = 4 * MIB;

/** Every setting of the webhook's own process. Annotations and `config-perdure` set what it does to services. */
export const WEBHOOK_SETTINGS = named({
  port: port(8_443, {
    env: "PERDURE_WEBHOOK_PORT",
    help: "Port that the API server sends reviews to; 0 lets the system choose.",
  }),
  host: text("0.0.0.0", { env: "PERDURE_WEBHOOK_HOST", help: "Address that the port is bound to." }),
  namespace: text("perdure-system", {
    env: "POD_NAMESPACE",
    help: "Where the webhook, `config-perdure` and the Secret are.",
  }),
  service: text("webhook", {
    env: "PERDURE_WEBHOOK_SERVICE",
    help: "The Kubernetes Service by which the API server finds the webhook.",
  }),
  secret: text("webhook-certs", {
    env: "PERDURE_WEBHOOK_SECRET",
    help: "Secret in which the certificate is kept; it must exist, and may be empty.",
  }),
  configuration: text("webhook.perdure.dev", {
    env: "PERDURE_WEBHOOK_CONFIGURATION",
    help: "MutatingWebhookConfiguration whose `caBundle` is kept.",
  }),
  certificateDays: number(90, "days", [1, 3_650], { help: "How long a certificate is valid." }),
  renewBeforeDays: number(30, "days", [0, 3_650], {
    help: "So long before its end a certificate is renewed; less than `--certificate-days`.",
  }),
  checkIntervalMs: milliseconds(MINUTE_MS, {
    range: [1_000, DAY_MS],
    help: "How often certificate and `caBundle` are checked, besides whenever the Secret changes.",
  }),
  propagationDelayMs: milliseconds(5_000, {
    range: [0, 10 * MINUTE_MS],
    help: "How long API servers may take to hear of a new `caBundle`, before the certificate that it vouches for is served.",
  }),
  maxBodyBytes: number(MAX_REVIEW_BYTES, "bytes", [65_536, 64 * MIB], {
    help: "Largest review of the API server; two objects of the largest size that it stores fit.",
  }),
  maxPendingBytes: number(4 * MAX_REVIEW_BYTES, "bytes", [262_144, 256 * MIB], {
    help: "Bytes of all reviews and answers together; at least four times `--max-body-bytes`, because one address has at most half, and one of its connections half of that.",
  }),
  maxJsonDepth: number(64, "levels", [16, 1_000], {
    help: "Lists and objects in one another in a review; those of a pod with all that Kubernetes adds are 12 deep.",
  }),
  maxJsonValues: number(50_000, "values", [10_000, 10_000_000], {
    help: "Keys and values of a review, each comma, colon and opening bracket counted; that of a stateful pod has less than 2,000.",
  }),
  maxConnections: number(1_000, "connections", [4, 100_000], {
    help: "Open connections; more are refused. One address has at most half of them.",
  }),
  requestTimeoutMs: milliseconds(5_000, {
    range: [100, 10 * MINUTE_MS],
    help: "How long each may take: a TLS handshake, the first byte of the first review, a whole review, and its answer.",
  }),
  apiTimeoutMs: milliseconds(10_000, {
    range: [100, 10 * MINUTE_MS],
    help: "How long an answer of the API server is waited for.",
  }),
  watchTimeoutMs: milliseconds(MINUTE_MS, {
    range: [1_000, HOUR_MS],
    help: "How long one watch lasts before the next begins.",
  }),
  backoffMinMs: milliseconds(100, {
    help: "First wait before the API server is asked again; it doubles with each try, with a jitter of 20 %.",
  }),
  backoffMaxMs: milliseconds(10_000, { help: "Longest wait before the API server is asked again." }),
  shutdownDelayMs: milliseconds(10_000, {
    range: [0, 10 * MINUTE_MS],
    help: "How long the webhook continues to serve after it is told to stop, because the API server hears of the end only later.",
  }),
  drainTimeoutMs: milliseconds(5_000, {
    range: [0, 10 * MINUTE_MS],
    help: "How long reviews that are being answered may take after that.",
  }),
  serviceAccount: text("/var/run/secrets/kubernetes.io/serviceaccount", {
    help: "Folder with `token` and `ca.crt` of the service account by which the API server is asked.",
  }),
  ...LOGGER_SETTINGS,
});
