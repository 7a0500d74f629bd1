// SPDX-License-Identifier: Apache-2.0

import type { Random } from "../../base/mod.ts";
import { silentLogger, systemClock, systemRandom } from "../../base/mod.ts";
import type { NatsOptions } from "../../nats/mod.ts";
import type { Values } from "../../settings/mod.ts";
import { defaultsOf, pickValues } from "../../settings/mod.ts";

import { NATS_SETTINGS } from "../../nats/settings.ts";
import type { LogLimits } from "../limits.ts";
import { defaultLimits } from "../limits.ts";
import { JETSTREAM_LOG_SETTINGS } from "../settings.ts";

/** Where a log on JetStream is. */
export interface JetStreamAddress {
  /** `host:port` of a server, or of several, separated by commas. A server names the others of its cluster. */
  readonly server: string;
  /** Begins the names of the streams and subjects, so that several logs fit into one account. */
  readonly prefix: string;
}

/** The settings of a log on NATS and of its connection. */
export type JetStreamSettings = Values<typeof JETSTREAM_LOG_SETTINGS & typeof NATS_SETTINGS>;

/** Bounds that are no settings. Tests choose others. */
const BOUNDS = {
  /** More than those of other logs, so that a page holds a pack. */
  pageRecords: 2_048,
  /**
   * How often the server sends a heartbeat to a tail that waits for records, in milliseconds. After four of these
   * intervals in silence the tail replaces its consumer, which must not happen during an election (four to nine
   * seconds).
   */
  tailHeartbeatMs: 5_000,
};

/** The options of the connection to NATS that are settings. */
type ConnectionOptions = Omit<NatsOptions, "clock" | "logger" | "credentials" | "tls">;

/**
 * Options for the creation of streams, as `JETSTREAM_LOG_SETTINGS` says. Streams that exist keep their own settings, if
 * those are sufficient.
 */
export interface StreamSettings {
  readonly streams?: number;
  readonly replicas: number;
  readonly durability: JetStreamSettings["logDurability"];
  readonly serversSync: boolean;
  readonly maxStreamBytes?: number;
}

/** The options that are settings. */
interface SettingOptions
  extends Omit<
      Values<typeof JETSTREAM_LOG_SETTINGS>,
      "maxAppendsInFlight" | "logStreams" | "logReplicas" | "logDurability" | "logServersSync" | "logMaxBytes"
    >,
    ConnectionOptions,
    StreamSettings {
  /** `maxAppendsInFlight` of the settings. */
  readonly maxInFlight: number;
}

/** The options of the log on JetStream; each has a default. */
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
    ...connectionOptions(settings),
    maxInFlight: maxAppendsInFlight,
    ...(logStreams > 0 && { streams: logStreams }),
    replicas: logReplicas,
    durability: logDurability,
    serversSync: logServersSync,
    ...(logMaxBytes > 0 && { maxStreamBytes: logMaxBytes }),
  };
}

function connectionOptions(settings: Values<typeof NATS_SETTINGS>): ConnectionOptions {
  return {
    inboxPrefix: settings.natsInboxPrefix,
    connectTimeoutMs: settings.natsConnectTimeoutMs,
    requestTimeoutMs: settings.natsRequestTimeoutMs,
    reconnectDelayMs: settings.natsReconnectDelayMs,
    reconnectJitterMs: settings.natsReconnectDelayMs,
    pingIntervalMs: settings.natsPingIntervalMs,
  };
}

export const defaultJetStreamOptions: JetStreamLogOptions = {
  ...defaultLimits,
  ...jetStreamOptions({ ...defaultsOf(JETSTREAM_LOG_SETTINGS), ...defaultsOf(NATS_SETTINGS) }),
  ...BOUNDS,
  clock: systemClock,
  logger: silentLogger,
  mustExist: false,
  random: systemRandom,
  credentials: { kind: "none" },
  tls: { required: false, first: false },
};
