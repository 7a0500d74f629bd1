// SPDX-License-Identifier: Apache-2.0

import { COUNTER_SERVICE, counterRequest } from "../../lib/counter.ts";
import type { Attack, Way } from "../attack.ts";
import { grpcCaller } from "../calls.ts";
import type { EndlessShape } from "../misbehaving/endless-script.ts";
import { FIRST_COUNTER } from "../misbehaving/endless-script.ts";
import { functionCounts } from "../misbehaving/function-counts.ts";
import { logVolume } from "../misbehaving/proxy-log.ts";
import { over } from "../wire/line.ts";
import { openMisbehavingWorld } from "../worlds/misbehaving-world.ts";

/** The proxy's bound of commands that may follow from one command. It is low, so that all of them end soon. */
const MAX_DESCENDANTS = 100;

/** Most lines of a proxy's log in one run: a few of each message, and how often each was repeated. */
const MAX_LOG_LINES = 200;
const MAX_LINE_BYTES = 6_000;

const way =
  (shape: EndlessShape): Way =>
  async ({ port }, { signal, tally }) => {
    const caller = grpcCaller(port, `/${COUNTER_SERVICE}/Add`, counterRequest(FIRST_COUNTER[shape], 1));
    tally.add("commands");
    // The call fails, because its chain of forwards has no end.
    const answered = caller.call(signal).catch(() => undefined);
    await over(signal);
    await answered;
    caller.hangUp();
  };

export const attack: Attack = {
  name: "endless-effects",
  about:
    "one command, of which each command that follows asks for itself once more by a forward and ten side effects",
  bounds: ["max-descendants"],
  seconds: { long: 15, short: 2 },
  proxyFlags: { "max-descendants": String(MAX_DESCENDANTS) },
  openWorld: openMisbehavingWorld,
  ways: {
    "one-entity": way("one entity"),
    "two-entities": way("two entities"),
    "entity-and-action": way("entity and action"),
  },
  check: (world, { commands = 0 }) => {
    const { endless } = functionCounts(world);
    const most = commands * (1 + MAX_DESCENDANTS);
    const { logLines, longestLine } = logVolume(world.process);
    return [
      ...(endless > 0 ? [] : ["the user function got none of the commands"]),
      ...(endless <= most ? [] : [`${endless} commands followed from ${commands}, not ${most} at most`]),
      ...(logLines < MAX_LOG_LINES ? [] : [`${logLines} lines in the log, not under ${MAX_LOG_LINES}`]),
      ...(longestLine < MAX_LINE_BYTES ? [] : [`a line of ${longestLine} bytes in the log`]),
    ];
  },
};
