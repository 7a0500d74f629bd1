// SPDX-License-Identifier: Apache-2.0

import { sleep } from "../../../pkg/base/mod.ts";

import { COUNTER_SERVICE, counterRequest } from "../../lib/counter.ts";
import { line, TALKS_SERVICE } from "../../lib/talks.ts";
import type { Attack, Way } from "../attack.ts";
import { grpcCaller } from "../calls.ts";
import type { Flood } from "../misbehaving/flood-script.ts";
import { openMisbehavingWorld } from "../worlds/misbehaving-world.ts";

/**
 * Pause between two commands, in milliseconds. The attack is about what such an answer costs the proxy. Without
 * pauses it would also delay the bystander's calls, because they use the same function and the same connection to it.
 */
const PAUSE_MS = 500;

/**
 * Sends one command after the other, each to another entity. All of them fail, because the proxy refuses the
 * function's answer.
 */
const entityWay =
  (flood: Flood): Way =>
  async ({ port }, { clock, signal, tally }) => {
    for (let sent = 0; !signal.aborted; sent++) {
      const id = `flood-${flood}-${sent}`;
      const caller = grpcCaller(port, `/${COUNTER_SERVICE}/Add`, counterRequest(id, 1));
      await caller.call(signal).catch(() => undefined);
      tally.add("commands");
      caller.hangUp();
      await sleep(clock, PAUSE_MS, signal);
    }
  };

const actionWay: Way = async ({ port }, { clock, signal, tally }) => {
  const caller = grpcCaller(port, `/${TALKS_SERVICE}/Say`, line("flood-effects"));
  while (!signal.aborted) {
    await caller.call(signal).catch(() => undefined);
    tally.add("commands");
    await sleep(clock, PAUSE_MS, signal);
  }
  caller.hangUp();
};

export const attack: Attack = {
  name: "many-events",
  about: "commands that the user function answers with 12 MB of empty events, side effects or unknown fields",
  bounds: ["max-message-fields"],
  shortWays: ["events", "action"],
  openWorld: openMisbehavingWorld,
  ways: {
    events: entityWay("events"),
    effects: entityWay("effects"),
    unknown: entityWay("unknown"),
    action: actionWay,
  },
};
