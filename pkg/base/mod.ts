// SPDX-License-Identifier: Apache-2.0

export type { Acceptors, Address } from "./acceptors.ts";
export { listenTogether } from "./acceptors.ts";
export { Account, Charge, Holder } from "./account.ts";
export { assert, unreachable } from "./assert.ts";
export type { BackoffOptions } from "./backoff.ts";
export { backoffMs } from "./backoff.ts";
export { BoundedQueue } from "./bounded-queue.ts";
export type { Clock, Timer } from "./clock.ts";
export { MAX_DELAY_MS, sleep, systemClock } from "./clock.ts";
export { collectGarbage, growYoungGeneration, youngGenerationBytes } from "./collect-garbage.ts";
export { cutText } from "./cut-text.ts";
export { whenDrained } from "./drain.ts";
export { CodedError, describeError, toError } from "./error.ts";
export { ExpiryList, ExpiryPlace } from "./expiry-list.ts";
export { ExpiryQueue } from "./expiry-queue.ts";
export { freePort, isFreePort } from "./free-port.ts";
export type { LogFields, Logger, LogLevel } from "./logger.ts";
export { LOG_LEVELS, silentLogger } from "./logger.ts";
export { keepWithoutReaders } from "./lost-output.ts";
export type { PushSource } from "./pull-buffer.ts";
export { PullBuffer } from "./pull-buffer.ts";
export type { Random } from "./random.ts";
export { randomBelow, shortId, systemRandom } from "./random.ts";
export type { RepeatLimits } from "./repeat-limiter.ts";
export { OTHER_KINDS, RepeatLimiter } from "./repeat-limiter.ts";
export { FRAGMENT, headProblem } from "./request-head.ts";
export { Semaphore } from "./semaphore.ts";
export { parseSettingFlags } from "./setting-flags.ts";
export type { Declaration, Setting, SettingGroup, Values } from "./settings.ts";
export {
  boolean,
  httpUrl,
  number,
  resolveSettings,
  SettingError,
  shownDefault,
  text,
} from "./settings.ts";
export { settlesWithin } from "./settles-within.ts";
export { SEGMENTS, segmentOf, shardOf } from "./shard.ts";
export { stopSignal } from "./stop-signal.ts";
export type { Rate } from "./token-bucket.ts";
export { TokenBucket } from "./token-bucket.ts";
export { Turns } from "./turns.ts";
