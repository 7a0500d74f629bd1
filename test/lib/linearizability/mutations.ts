// SPDX-License-Identifier: Apache-2.0

import type { Kind, Outputs } from "../history.ts";
import type { Events } from "./generate.ts";

type Event = Events[number];

/** Changes a right history to one that is probably wrong; undefined if it has nothing to change. */
type Mutation = (events: Events) => [Events] | undefined;

/** Changes the last answer of this kind for which `change` returns another one. */
function lastAnswer<K extends Kind>(
  kind: K,
  change: (output: Outputs[K], events: Events, index: number) => Outputs[K] | undefined,
): Mutation {
  return (events) => {
    for (const [index, event] of [...events.entries()].reverse()) {
      const { action, outcome } = event;
      if (action.kind !== kind || outcome.kind !== "returned") continue;
      const output = change(outcome.output as Outputs[K], events, index);
      if (output === undefined) continue;
      const changed: Event = { ...event, outcome: { ...outcome, output } };
      return [events.with(index, changed)];
    }
    return undefined;
  };
}

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  // Older than all that is under way at the same time.
  "a stale list": lastAnswer("list", (values) => (values.length > 10 ? values.slice(0, -10) : undefined)),
  "a lost value": lastAnswer("list", (values) => (values.length > 2 ? values.slice(1) : undefined)),
  "a doubled value": lastAnswer("list", ([first, ...rest]) =>
    first === undefined ? undefined : [first, ...rest, first],
  ),
  "another order": lastAnswer("list", ([first, second, ...rest]) =>
    first === undefined || second === undefined || rest.length < 8 ? undefined : [second, first, ...rest],
  ),
  "a count that is too small": lastAnswer("count", (count) => (count > 10 ? count - 10 : undefined)),
  "a total that is too great": lastAnswer("append", ({ total }) =>
    total === undefined ? undefined : { total: total + 10 },
  ),
  "a read of what was never there": lastAnswer("read", () => "v9"),
  "a read of what is long gone": lastAnswer("read", (_value, events, index) => {
    const gone = events.slice(0, Math.max(0, index - OVERLAP)).map(written);
    const possible = new Set(events.slice(index - OVERLAP, index + OVERLAP).map(written));
    // What has no answer may take effect late.
    for (const event of events) if (event.outcome.kind === "unknown") possible.add(written(event));
    return gone.find((value) => !possible.has(value));
  }),
};

/** No operation overlaps with one that is further away in a generated history. */
const OVERLAP = 10;

function written({ action }: Event): string | null | undefined {
  return action.kind === "write" ? action.input : undefined;
}
