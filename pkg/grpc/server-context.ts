// SPDX-License-Identifier: Apache-2.0

import type { ExpiryPlace } from "../base/mod.ts";
import { ExpiryList, Turns } from "../base/mod.ts";

import type { Caller, CallerAccounts } from "./caller.ts";
import { callerAccounts } from "./caller.ts";
import { Reserve } from "./reserve.ts";
import type { GrpcServerOptions, ResolvedGrpcServerOptions } from "./server-options.ts";
import { resolveServerOptions } from "./server-options.ts";

/** What all calls at one server share, over every protocol: options and bounds (I11). */
export interface ServerContext {
  readonly options: ResolvedGrpcServerOptions;
  readonly accounts: CallerAccounts;
  /** Calls of which no byte of a message has passed yet, and unary ones whose request has not arrived whole. */
  readonly arriving: ExpiryList<ArrivingCall>;
  /** The open health checks. */
  readonly reserve: Reserve;
  /** Schedules the streams that begin, so that a peer that opens a thousand at once does not delay all others. */
  readonly turns: Turns<Caller>;
}

/** A stream with a small head takes up to 0.2 ms to begin, so those of one turn of the event loop take up to 10 ms. */
const MAX_BEGUN_IN_TURN = 48;

/** A larger head takes longer, because it may have hundreds of values: so many bytes of it count as another stream. */
export const HEAD_BYTES_OF_A_PIECE = 1_536;

export interface ArrivingCall {
  /** Its place in `arriving`. */
  readonly arrival: ExpiryPlace<ArrivingCall>;
  /** True: it has more time. */
  mayGoOnArriving(nowMs: number): boolean;
}

export function createServerContext(serverOptions: GrpcServerOptions): ServerContext {
  const options = resolveServerOptions(serverOptions);
  const { clock } = options;
  const intervalMs = Math.min(options.firstMessageTimeoutMs, options.requestTimeoutMs);
  const arriving: ExpiryList<ArrivingCall> = new ExpiryList(clock, intervalMs, (call) => {
    if (call.mayGoOnArriving(clock.monotonicMs())) arriving.touch(call.arrival);
  });
  return {
    options,
    accounts: serverOptions.accounts ?? callerAccounts(options.maxBufferedBytes, options.maxOpenCalls),
    arriving,
    reserve: new Reserve(),
    turns: new Turns(MAX_BEGUN_IN_TURN),
  };
}
