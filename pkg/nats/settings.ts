// SPDX-License-Identifier: Apache-2.0

import { boolean, milliseconds, text } from "../settings/mod.ts";

/** The connection to NATS. Credentials and TLS have the names that the tools of NATS use. */
export const NATS_SETTINGS = {
  natsCreds: text("nats-creds", "NATS_CREDS", "", "File with NATS credentials (JWT and NKey, `.creds`)."),
  natsNkey: text("nats-nkey", "NATS_NKEY", "", "File with the seed of an NKey."),
  natsUser: text("nats-user", "NATS_USER", "", "User of NATS, with `NATS_PASSWORD`."),
  natsPassword: text("nats-password", "NATS_PASSWORD", "", "Password of that user."),
  natsToken: text("nats-token", "NATS_TOKEN", "", "Token of NATS."),
  natsCa: text(
    "nats-ca",
    "NATS_CA",
    "",
    "File with the certificates of the CAs that may sign those of NATS servers. Without it the CAs that Node.js trusts.",
  ),
  natsCert: text(
    "nats-cert",
    "NATS_CERT",
    "",
    "File with the proxy's own certificate, for NATS servers that verify clients.",
  ),
  natsKey: text("nats-key", "NATS_KEY", "", "File with the key of that certificate."),
  natsSecretDir: text(
    "nats-secret-dir",
    "NATS_SECRET_DIR",
    "",
    "Folder with any of the files `nats.creds`, `nats.nk`, `user` and `password`, `token`, `ca.crt`, `tls.crt` and `tls.key`, as a mounted Secret is; each stands for its setting if that is empty.",
  ),
  natsTlsFirst: boolean(
    "nats-tlsfirst",
    "NATS_TLS_FIRST",
    false,
    "TLS from the first byte, for NATS servers with `handshake_first`.",
  ),
  natsInboxPrefix: text(
    "nats-inbox-prefix",
    "NATS_INBOX_PREFIX",
    "_INBOX",
    "Begins the subjects that responses of NATS are sent to; the user must be allowed to subscribe to it followed by `.>`.",
  ),
  natsConnectTimeoutMs: milliseconds(
    "nats-connect-timeout",
    "PERDURE_NATS_CONNECT_TIMEOUT_MS",
    5_000,
    "How long connecting to one NATS server may take.",
  ),
  natsRequestTimeoutMs: milliseconds(
    "nats-request-timeout",
    "PERDURE_NATS_REQUEST_TIMEOUT_MS",
    5_000,
    "How long a response of NATS is waited for.",
  ),
  natsReconnectDelayMs: milliseconds(
    "nats-reconnect-delay",
    "PERDURE_NATS_RECONNECT_DELAY_MS",
    250,
    "Pause between two attempts to restore a lost connection to NATS; up to as much again is added at random.",
  ),
  natsPingIntervalMs: milliseconds(
    "nats-ping-interval",
    "PERDURE_NATS_PING_INTERVAL_MS",
    5_000,
    "How often NATS is pinged; a connection on which two pings are unanswered is closed.",
  ),
} as const;
