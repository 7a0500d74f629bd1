// SPDX-License-Identifier: Apache-2.0

import type { Figure } from "../budget.ts";
import { SYNC_DURABILITY } from "../cases.ts";
import type { ManyEntities } from "./many-entities.ts";
import type { Quantiles } from "./random-entities.ts";

const MIB = 1_048_576;

/** What many entities mean, as lines of a table. */
export function manyEntitiesFigures(many: ManyEntities): Figure[] {
  const durability = SYNC_DURABILITY.default;
  const figure = (what: string, measured: number, unit: string): Figure => ({
    what,
    measured,
    unit,
    durability,
  });
  const times = (what: string, { count, p50Ms, p99Ms }: Quantiles) => [
    figure(`activation of a random one, ${what}, p50 of ${count}`, p50Ms, "ms"),
    figure(`activation of a random one, ${what}, p99 of ${count}`, p99Ms, "ms"),
  ];
  return [
    figure(`${many.entities} entities filled, one event each`, many.filledPerSecond, "/s"),
    figure("store on the disk", many.storeBytes / MIB, "MiB"),
    figure("server, after the filling", many.loadedBytes / MIB, "MiB"),
    figure("server, after a restart", many.restartedBytes / MIB, "MiB"),
    figure("server, after random activations", many.usedBytes / MIB, "MiB"),
    figure("server, each entity, after a restart", many.restartedBytes / many.entities, "bytes"),
    figure("server, start after an orderly end", many.restartMs, "ms"),
    figure("server, start after SIGKILL", many.recoveryMs, "ms"),
    figure("proxy, start to ready", many.proxyReadyMs, "ms"),
    ...times("cold", many.cold),
    ...times("warm", many.warm),
  ];
}
