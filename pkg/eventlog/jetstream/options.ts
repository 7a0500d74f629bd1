// SPDX-License-Identifier: Apache-2.0

import type { Random } from "../../base/mod.ts";
import { systemClock, systemRandom } from "../../base/mod.ts";
import type { NatsAddress } from "../../nats/address/mod.ts";
import type { NatsOptions } from "../../nats/mod.ts";
import type { Values } from "../../settings/mod.ts";
import { defaultsOf, pickValues } from "../../settings/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";

import { NATS_SETTINGS } from "../../nats/settings.ts";
import type { LogLimits } from "../limits.ts";
import { defaultLimits } from "../limits.ts";
import { JETSTREAM_LOG_SETTINGS } from "../settings.ts";

export type JetStreamAddress = Pick<NatsAddress, "server" | "prefix">;

type JetStreamSettings = Values<typeof JETSTREAM_LOG_SETTINGS & typeof NATS_SETTINGS>;

/** Bounds that are no settings. Tests choose others. */
const BOUNDS = {
  /** More than those of other logs, so that a page holds a pack. */
  pageRecords: 2_048,
  /**
   * Heartbeats to a tail that waits. After four of these intervals in silence the tail replaces its consumer, which
   * must not happen during an election (four to nine seconds).
   */
  tailHeartbeatMs: 5_000,
};

/** For the creation of streams. Streams that exist keep their own settings, if those are sufficient. */
export interface StreamSettings {
  readonly streams?: number;
  readonly replicas: number;
  readonly durability: JetStreamSettings["logDurability"];
  readonly serversSync: boolean;
  readonly maxStreamBytes?: number;
}

interface SettingOptions
  extends Omit<
      Values<typeof JETSTREAM_LOG_SETTINGS>,
      "maxAppendsInFlight" | "logStreams" | "logReplicas" | "logDurability" | "logServersSync" | "logMaxBytes"
    >,
    Omit<NatsOptions, "clock" | "telemetry" | "credentials" | "tls">,
    StreamSettings {
  /** `maxAppendsInFlight` of the settings. */
  readonly maxInFlight: number;
}

export interface JetStreamLogOptions extends LogLimits, SettingOptions, NatsOptions {
  /** See `BOUNDS`. */
  readonly tailHeartbeatMs: number;
  /** True: a log that does not exist is refused with `LOG_UNUSABLE`, and not created. Default false. */
  readonly mustExist: boolean;
  /** Source of the random part of pauses between tries. Default: Node's. */
  readonly random: Random;
}

/** The options that the settings ask for, besides credentials and TLS. */
export function jetStreamOptions(settings: JetStreamSettings): SettingOptions {
  const { maxAppendsInFlight, logStreams, logReplicas, logDurability, logServersSync, logMaxBytes, ...same } =
    pickValues(JETSTREAM_LOG_SETTINGS, settings);
  return {
    ...same,
    inboxPrefix: settings.natsInboxPrefix,
    connectTimeoutMs: settings.natsConnectTimeoutMs,
    requestTimeoutMs: settings.natsRequestTimeoutMs,
    reconnectDelayMs: settings.natsReconnectDelayMs,
    reconnectJitterMs: settings.natsReconnectDelayMs,
    pingIntervalMs: settings.natsPingIntervalMs,
    maxInFlight: maxAppendsInFlight,
    ...(logStreams > 0 && { streams: logStreams }),
    replicas: logReplicas,
    durability: logDurability,
    serversSync: logServersSync,
    ...(logMaxBytes > 0 && { maxStreamBytes: logMaxBytes }),
  };
}

export const defaultJetStreamOptions: JetStreamLogOptions = {
  ...defaultLimits,
  ...jetStreamOptions({ ...defaultsOf(JETSTREAM_LOG_SETTINGS), ...defaultsOf(NATS_SETTINGS) }),
  ...BOUNDS,
  clock: systemClock,
  telemetry: NO_TELEMETRY,
  mustExist: false,
  random: systemRandom,
  credentials: { kind: "none" },
  tls: { required: false, first: false },
};
