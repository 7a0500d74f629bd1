// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../base/mod.ts";
import type { Dispatch } from "../router/mod.ts";
import type { Telemetry } from "../telemetry/mod.ts";

/** Dependencies and bounds that every way to call a method needs. */
export interface ServingContext {
  readonly dispatch: Dispatch;
  /** The largest body of one request, before and after it is unpacked, in bytes. */
  readonly maxRequestBytes: number;
  /** Fields that are read of one message. */
  readonly maxRequestFields: number;
  /** In UTF-16 code units. */
  readonly maxIdempotencyKeyLength: number;
  /** Silence after which an event stream gets a comment, in milliseconds. */
  readonly streamKeepAliveMs: number;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}
