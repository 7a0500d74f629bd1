// SPDX-License-Identifier: Apache-2.0

import { systemClock } from "../../../pkg/base/mod.ts";
import type { NatsOptions } from "../../../pkg/nats/mod.ts";
import { NO_TELEMETRY } from "../../../pkg/telemetry/mod.ts";

/** A connection without credentials that reconnects quickly. Its time-outs are those of a busy machine. */
export const PATIENT_NATS: NatsOptions = {
  clock: systemClock,
  telemetry: NO_TELEMETRY,
  credentials: { kind: "none" },
  tls: { required: false, first: false },
  inboxPrefix: "_INBOX",
  connectTimeoutMs: 30_000,
  requestTimeoutMs: 30_000,
  reconnectDelayMs: 20,
  reconnectJitterMs: 20,
  pingIntervalMs: 5_000,
};
