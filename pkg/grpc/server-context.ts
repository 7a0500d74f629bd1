// SPDX-License-Identifier: Apache-2.0

import { ExpiryQueue } from "../base/mod.ts";

import { callerAccounts } from "./caller.ts";
import type { CallerAccounts } from "./caller.ts";
import { resolveServerOptions } from "./server-options.ts";
import type { GrpcServerOptions, ResolvedGrpcServerOptions } from "./server-options.ts";

/** What all calls at one server share, however they travel: options and bounds (I11). */
export interface ServerContext {
  readonly options: ResolvedGrpcServerOptions;
  readonly accounts: CallerAccounts;
  /** Calls of which nothing has moved yet, and unary ones whose request has not arrived whole. */
  readonly arriving: ExpiryQueue<ArrivingCall>;
}

interface ArrivingCall {
  /** True: it has more time. */
  mayGoOnArriving(nowMs: number): boolean;
}

export function createServerContext(serverOptions: GrpcServerOptions): ServerContext {
  const options = resolveServerOptions(serverOptions);
  const { clock } = options;
  const intervalMs = Math.min(options.firstMessageTimeoutMs, options.requestTimeoutMs);
  const arriving: ExpiryQueue<ArrivingCall> = new ExpiryQueue(clock, intervalMs, (call) => {
    if (call.mayGoOnArriving(clock.monotonicMs())) arriving.touch(call);
  });
  return {
    options,
    accounts: serverOptions.accounts ?? callerAccounts(options.maxBufferedBytes, options.maxOpenCalls),
    arriving,
  };
}
