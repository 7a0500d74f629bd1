// SPDX-License-Identifier: Apache-2.0

import { rmSync } from "node:fs";

import type { Attack } from "../attack.ts";
import { loseLog } from "../lost-log.ts";
import { openLostLogWorld } from "../worlds/lost-log-world.ts";

const BEFORE_MS = 1_000;
const AFTER_MS = 2_500;
const WITHIN_MS = 1_000;

export const attack: Attack = {
  name: "lost-log",
  about: "the file of the log is deleted from under a proxy: from then on nothing may be acknowledged",
  bounds: ["log-check-interval"],
  // Longer than `BEFORE_MS` and `AFTER_MS` together.
  seconds: { long: 10, short: 10 },
  openWorld: openLostLogWorld,
  ways: {
    deleted: async ({ port, adminPort, facts }, { tally }) => {
      const lost = await loseLog({
        port,
        adminPort,
        callers: 16,
        beforeMs: BEFORE_MS,
        afterMs: AFTER_MS,
        mostReadyMs: AFTER_MS,
        lose: () => rmSync(String(facts["log"])),
      });
      tally.add("acknowledged before", [...lost.before.values()].flat().length);
      tally.add("acknowledged late", lost.acknowledgedAfterMs.filter((ms) => ms > WITHIN_MS).length);
      if (lost.unreadyAfterMs !== undefined) tally.add("ms to unready", Math.ceil(lost.unreadyAfterMs));
    },
  },
  check: (_world, { "acknowledged late": late = 0, "ms to unready": unreadyMs }) => [
    ...(late === 0 ? [] : [`${late} commands were acknowledged later than ${WITHIN_MS} ms after the loss`]),
    ...(unreadyMs !== undefined && unreadyMs <= WITHIN_MS
      ? []
      : [`/readyz told of the loss ${unreadyMs === undefined ? "not at all" : `after ${unreadyMs} ms`}`]),
  ],
};
