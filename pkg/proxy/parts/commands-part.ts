// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../../base/mod.ts";
import type { SlowestCommands } from "../../entity/mod.ts";

import type { PartState } from "../admin/report.ts";
import type { Part } from "./part.ts";
import type { Shared } from "./shared.ts";
import { shownName, shownTrace } from "./shown.ts";

/** Reports the slowest commands of the last minute, of entities and actions. */
export function commandsPart({ clock, slowest }: Shared): Part {
  return { name: "commands", inspect: () => ({ slowestOfLastMinute: rows(slowest, clock) }) };
}

function rows(slowest: SlowestCommands, clock: Clock): readonly PartState[] {
  const nowMs = clock.monotonicMs();
  return slowest.report(nowMs).map((command) => {
    const { method, entity, endedMs, tookMs, waitedMs, storingMs, code, trace } = command;
    return {
      method,
      ...(entity !== undefined && { entity: shownName(entity) }),
      tookMs: tenths(tookMs),
      waitedMs: tenths(waitedMs),
      functionMs: tenths(tookMs - waitedMs - storingMs),
      storingMs: tenths(storingMs),
      endedMsAgo: Math.round(nowMs - endedMs),
      ...(code !== undefined && { code }),
      ...shownTrace(trace),
    };
  });
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}
