// SPDX-License-Identifier: Apache-2.0

import type { Charge } from "../base/mod.ts";

import type { Status } from "./status.ts";

/** How a call travels. */
export type CallProtocol = "grpc" | "grpc-web" | "websocket";

/** A call that is over, for whoever keeps a record of calls. */
export interface EndedCall {
  readonly protocol: CallProtocol;
  readonly path: string;
  /** What it holds of its caller's memory; undefined if it was refused before it held any. */
  readonly bytes: Charge | undefined;
  /** On the clock's monotonic time in milliseconds. */
  readonly openedMs: number;
  /** CANCELLED also if the caller has gone, and got none. */
  readonly status: Status;
  /** Which documented reason a status other than OK has. */
  readonly code: string | undefined;
}
