// SPDX-License-Identifier: Apache-2.0

import type { Clock, Random } from "../../base/mod.ts";
import { sleep } from "../../base/mod.ts";
import type { SlowestCommands } from "../../entity/mod.ts";
import type { Telemetry, TraceContext } from "../../telemetry/mod.ts";

import type { Memory } from "../memory.ts";
import type { ProxyOptions } from "../options.ts";

/** What all parts of a proxy share. */
export interface Shared {
  readonly options: ProxyOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** The span of the proxy's start; undefined if nobody traces. */
  readonly startTrace: TraceContext | undefined;
  readonly memory: Memory;
  /** Is told of slow commands by those who carry them out. */
  readonly slowest: SlowestCommands;
  /** Aborts a start that waits. */
  readonly signal: AbortSignal | undefined;
  readonly patiently: Patience;
}

/** Of `drainTimeoutMs`, so much is for running requests. The rest is for what they keep busy until they end. */
export const REQUESTS_SHARE = 0.9;

/** Waits for work that ends by itself, for at most `drainTimeoutMs` over all calls together. */
export type Patience = (work: Promise<void>) => Promise<void>;

/** The time begins with the first call. */
export function patience({ clock, options }: Pick<Shared, "clock" | "options">): Patience {
  let timeIsUp: Promise<void> | undefined;
  return async (work) => {
    timeIsUp ??= sleep(clock, options.drainTimeoutMs);
    await Promise.race([work, timeIsUp]);
  };
}
