// SPDX-License-Identifier: Apache-2.0

import type { Clock, Logger } from "../base/mod.ts";
import type { Dispatch } from "../router/mod.ts";

/** What every way to call a method needs. */
export interface ServingContext {
  readonly dispatch: Dispatch;
  /** Of one request's body, also when it is unpacked. */
  readonly maxRequestBytes: number;
  /** In UTF-16 code units. */
  readonly maxIdempotencyKeyLength: number;
  /** Silence after which an event stream gets a comment, in milliseconds. */
  readonly streamKeepAliveMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}
