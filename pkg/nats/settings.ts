// SPDX-License-Identifier: Apache-2.0

import { boolean, milliseconds, named, text } from "../settings/mod.ts";

/** The connection to NATS. Credentials and TLS have the names that the tools of NATS use. */
export const NATS_SETTINGS = named({
  natsCreds: text("", { env: "NATS_CREDS", help: "File with NATS credentials (JWT and NKey, `.creds`)." }),
  natsNkey: text("", { env: "NATS_NKEY", help: "File with the seed of an NKey." }),
  natsUser: text("", { env: "NATS_USER", help: "User of NATS, with `NATS_PASSWORD`." }),
  natsPassword: text("", { env: "NATS_PASSWORD", help: "Password of that user." }),
  natsToken: text("", { env: "NATS_TOKEN", help: "Token of NATS." }),
  natsCa: text("", {
    env: "NATS_CA",
    help: "File with the certificates of the CAs that may sign those of NATS servers. Without it the CAs that Node.js trusts.",
  }),
  natsCert: text("", {
    env: "NATS_CERT",
    help: "File with the proxy's own certificate, for NATS servers that verify clients.",
  }),
  natsKey: text("", { env: "NATS_KEY", help: "File with the key of that certificate." }),
  natsSecretDir: text("", {
    env: "NATS_SECRET_DIR",
    help: "Folder with any of the files `nats.creds`, `nats.nk`, `user` and `password`, `token`, `ca.crt`, `tls.crt` and `tls.key`, as a mounted Secret is; each stands for its setting if that is empty.",
  }),
  natsTlsFirst: boolean(false, {
    flag: "nats-tlsfirst",
    env: "NATS_TLS_FIRST",
    help: "TLS from the first byte, for NATS servers with `handshake_first`.",
  }),
  natsInboxPrefix: text("_INBOX", {
    env: "NATS_INBOX_PREFIX",
    help: "Begins the subjects that responses of NATS are sent to; the user must be allowed to subscribe to it followed by `.>`.",
  }),
  natsConnectTimeoutMs: milliseconds(5_000, { help: "How long connecting to one NATS server may take." }),
  natsRequestTimeoutMs: milliseconds(5_000, { help: "How long a response of NATS is waited for." }),
  natsReconnectDelayMs: milliseconds(250, {
    help: "Pause between two attempts to restore a lost connection to NATS; up to as much again is added at random.",
  }),
  natsPingIntervalMs: milliseconds(5_000, {
    help: "How often NATS is pinged; a connection on which two pings are unanswered is closed.",
  }),
});
