// SPDX-License-Identifier: Apache-2.0

import { COUNTER_SERVICE, counterRequest } from "../../lib/counter.ts";
import type { Attack } from "../attack.ts";
import { grpcCaller } from "../calls.ts";
import { functionCounts } from "../misbehaving/function-counts.ts";
import { logVolume } from "../misbehaving/proxy-log.ts";
import { sideBySide } from "../wire/repeat.ts";
import { openMisbehavingWorld } from "../worlds/misbehaving-world.ts";

/** The user function makes three mistakes in its answer to each of them. */
const COMMANDS = 2_000;
const CALLERS = 16;

/**
 * Five messages that may come 20 times each in ten seconds, for at most fifty seconds, and the lines of the proxy's
 * start and end.
 */
const MAX_LOG_LINES = 600;
const MAX_LINE_BYTES = 6_000;
const MAX_REPORTS = 250;

export const attack: Attack = {
  name: "loud-function",
  about: `${COMMANDS} commands to a user function that does three things wrong with each`,
  bounds: ["log-repeat-lines"],
  // Long enough for all commands, which take about two seconds.
  seconds: { long: 30, short: 30 },
  openWorld: openMisbehavingWorld,
  ways: {
    grpc: async ({ port }, { signal, tally }) => {
      let sent = 0;
      await sideBySide(CALLERS, async (index) => {
        const caller = grpcCaller(port, `/${COUNTER_SERVICE}/Add`, counterRequest(`caller-${index}`));
        while (sent < COMMANDS) {
          sent++;
          await caller.call(signal);
          tally.add("commands");
        }
        caller.hangUp();
      });
    },
  },
  check: (world) => {
    const { reports } = functionCounts(world);
    const { logLines, longestLine } = logVolume(world.process);
    return [
      ...(logLines < MAX_LOG_LINES ? [] : [`${logLines} lines in the log, not under ${MAX_LOG_LINES}`]),
      ...(longestLine < MAX_LINE_BYTES ? [] : [`a line of ${longestLine} bytes in the log`]),
      ...(reports < MAX_REPORTS ? [] : [`${reports} reports to the user function, not under ${MAX_REPORTS}`]),
    ];
  },
};
