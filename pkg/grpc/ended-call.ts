// SPDX-License-Identifier: Apache-2.0

import type { Charge } from "../base/mod.ts";

import type { Status } from "./status.ts";

/** The protocol of a call. */
export type CallProtocol = "grpc" | "grpc-web" | "websocket";

/** The record of a call that is over, for `onEnd` of the server options. */
export interface EndedCall {
  readonly protocol: CallProtocol;
  readonly path: string;
  /** What it holds of its caller's memory; undefined if it was refused before it held any. */
  readonly bytes: Charge | undefined;
  /** On the clock's monotonic time in milliseconds. */
  readonly openedMs: number;
  /** CANCELLED also if the caller went away before it got a status. */
  readonly status: Status;
  /** Which documented reason a status other than OK has. */
  readonly code: string | undefined;
}
