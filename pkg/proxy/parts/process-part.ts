// SPDX-License-Identifier: Apache-2.0

import type { Account } from "../../base/mod.ts";

import type { PartState } from "../admin/report.ts";
import { byteAccounts } from "../memory.ts";
import { PROXY_VERSION } from "../version.ts";
import { sharesEntities } from "./cluster-part.ts";
import type { Part } from "./part.ts";
import type { Shared } from "./shared.ts";

/** Reports the process as a whole, and what of its bounded memory is taken. */
export function processPart({ clock, memory, options }: Shared, startedMs: number): Part {
  const accounts = byteAccounts(memory, sharesEntities(options));
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
        openRequests: amounts(memory.callers.requests),
        bytes: Object.entries(accounts).map(([account, of]) => ({ account, ...amounts(of) })),
      };
    },
  };
}

function amounts({ used, max, refusals }: Account): PartState {
  return { used, max, refusals };
}
