// SPDX-License-Identifier: Apache-2.0

import { ExpiryQueue } from "../base/mod.ts";

import type { ReceiveBudget } from "./framing.ts";
import { resolveServerOptions } from "./server-options.ts";
import type { GrpcServerOptions, ResolvedGrpcServerOptions } from "./server-options.ts";

/** What all calls at one server share, however they travel: options and bounds (I11). */
export interface ServerContext {
  readonly options: ResolvedGrpcServerOptions;
  readonly budget: ReceiveBudget;
  /** Calls whose request has not arrived whole. */
  readonly arriving: ExpiryQueue<{ requestExpired(): void }>;
  openCalls: number;
}

export function createServerContext(serverOptions: GrpcServerOptions): ServerContext {
  const options = resolveServerOptions(serverOptions);
  return {
    options,
    budget: { freeBytes: options.maxReceiveBufferBytes },
    arriving: new ExpiryQueue(options.clock, options.requestTimeoutMs, (call) => call.requestExpired()),
    openCalls: 0,
  };
}
