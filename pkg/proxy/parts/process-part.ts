// SPDX-License-Identifier: Apache-2.0

import type { Account } from "../../base/mod.ts";

import type { PartState } from "../admin/report.ts";
import { PROXY_VERSION } from "../version.ts";
import type { Part } from "./part.ts";
import type { Shared } from "./shared.ts";

/** Reports the process as a whole, and what of its bounded memory is taken. */
export function processPart({ clock, memory }: Shared, startedMs: number): Part {
  const { callers, replies, activations, effects } = memory;
  const accounts = { callers: callers.bytes, replies, activations, effects };
  return {
    name: "process",
    inspect() {
      const { rss, heapUsed } = process.memoryUsage();
      return {
        version: PROXY_VERSION,
        pid: process.pid,
        upMs: Math.round(clock.monotonicMs() - startedMs),
        residentBytes: rss,
        heapBytes: heapUsed,
        openRequests: amounts(callers.requests),
        bytes: Object.entries(accounts).map(([account, of]) => ({ account, ...amounts(of) })),
      };
    },
  };
}

function amounts({ used, max, refusals }: Account): PartState {
  return { used, max, refusals };
}
