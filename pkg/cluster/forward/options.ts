// SPDX-License-Identifier: Apache-2.0

import type { Account, Clock } from "../../base/mod.ts";
import type { NatsLink } from "../../nats/mod.ts";
import type { Values } from "../../settings/mod.ts";
import { defaultsOf, KIB, MIB, SettingError } from "../../settings/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";

import { FORWARD_SETTINGS } from "../settings.ts";

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

/**
 * Nobody needs to change these. Parts of a message leave together, so that a pause between two of them means that one
 * was lost; and signs of work every second are cheap, and often enough for the least `maxPeerSilenceMs`.
 */
const FIXED = { partTimeoutMs: 5_000, workingEveryMs: 1_000 } as const;

/** What a command has besides its message: metadata, and the names of what it is for. */
const MAX_BESIDE_BYTES = MIB;

/** What a call takes besides the bytes of its messages, roughly: so calls without bytes are bounded by memory too. */
export const CALL_BYTES = KIB;

/** The bounds that the settings ask for. @throws SettingError if they do not go together. */
export function forwardOptions(
  settings: Values<typeof FORWARD_SETTINGS> & {
    /** The largest messages that callers send, and that user functions answer with. */
    readonly maxRequestBytes: number;
    readonly maxMessageBytes: number;
  },
): ForwardOptions {
  const { maxPeerCalls, maxPeerBytes, maxPeerMessageBytes, maxPeerSilenceMs } = settings;
  const least = Math.max(settings.maxRequestBytes, settings.maxMessageBytes) + MAX_BESIDE_BYTES;
  const { maxPeerBytes: ofPeer, maxPeerMessageBytes: ofMessage } = FORWARD_SETTINGS;
  if (maxPeerMessageBytes < least) {
    const reason =
      "because --max-request-bytes and --max-message-bytes let messages be so large, and 1 MiB comes beside them";
    throw new SettingError(
      `${ofMessage.env} must be at least ${least}, not ${maxPeerMessageBytes}, ${reason}`,
    );
  }
  if (maxPeerBytes < maxPeerMessageBytes + CALL_BYTES) {
    const reason = `because ${ofMessage.env} is ${maxPeerMessageBytes}`;
    const least = maxPeerMessageBytes + CALL_BYTES;
    throw new SettingError(`${ofPeer.env} must be at least ${least}, not ${maxPeerBytes}, ${reason}`);
  }
  const maxMessageBytes = maxPeerMessageBytes;
  return { maxMessageBytes, maxPeerCalls, maxPeerBytes, maxSilenceMs: maxPeerSilenceMs, ...FIXED };
}

/** Those of the default settings. */
export const DEFAULT_FORWARD_OPTIONS: ForwardOptions = forwardOptions({
  ...defaultsOf(FORWARD_SETTINGS),
  maxRequestBytes: 0,
  maxMessageBytes: 0,
});

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
