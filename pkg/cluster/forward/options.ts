// SPDX-License-Identifier: Apache-2.0

import type { Account, Clock } from "../../base/mod.ts";
import type { NatsLink } from "../../nats/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";

/** Bounds of what is under way between two proxies (I11). Both sides of a call apply them. */
export interface ForwardOptions {
  /** The most bytes of a request and of an answer. */
  readonly maxMessageBytes: number;
  /** The most calls under way between this proxy and one other, in one direction. */
  readonly maxPeerCalls: number;
  /** The most bytes of these, with 1 KiB for each call; so more than `maxMessageBytes`. */
  readonly maxPeerBytes: number;
  /** How long the next part of a request is waited for, in milliseconds. */
  readonly partTimeoutMs: number;
  /** How often an owner says that it still works on a call, in milliseconds. */
  readonly workingEveryMs: number;
  /** After how long a call of which nothing is heard is given up, in milliseconds; several times `workingEveryMs`. */
  readonly maxSilenceMs: number;
}

export const DEFAULT_FORWARD_OPTIONS: ForwardOptions = {
  maxMessageBytes: 16 * 2 ** 20,
  maxPeerCalls: 4_096,
  maxPeerBytes: 32 * 2 ** 20,
  partTimeoutMs: 5_000,
  workingEveryMs: 1_000,
  maxSilenceMs: 5_000,
};

/** What both sides need. */
export interface ForwardDependencies {
  readonly link: NatsLink;
  /** Begins all subjects, the same for all proxies of a service. No stream may store what is below it. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** The memory of requests under way, and of answers that come in parts, in bytes. Each peer has a fair share. */
  readonly memory: Account;
  readonly options: ForwardOptions;
}
