// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { StatusError } from "../grpc/mod.ts";

import { mayHaveStored } from "./may-have-stored.ts";
import type { Outcome } from "./outcome.ts";
import { answering, world } from "./testdata/world.ts";

test("an outcome says whether a change or side effects are stored", async (t) => {
  const parts = [{ text: "read" }, { events: ["x"] }, { effects: ["x"] }, { forward: "Add" }];
  const { ask } = await world(
    t,
    answering((id) => parts[Number(id) - 1]),
  );
  const stored: boolean[] = [];
  for (const _ of parts) stored.push(mayHaveStored(await ask("a")));
  t.deepEqual(stored, [false, true, true, false]);
});

test("so does an error, by its code", async (t) => {
  const { ask } = await world(
    t,
    answering(() => ({ fail: "no", events: ["x"] })),
  );
  const refused = await t.throwsAsync(ask("a"), { instanceOf: StatusError });
  t.false(mayHaveStored(refused as StatusError));
  const ends: readonly [string, boolean][] = [
    ["OUTCOME_UNKNOWN", true],
    ["INTERNAL", true],
    ["LOG_UNAVAILABLE", false],
    ["APPEND_CONFLICT", false],
    ["SHARD_RELEASED", false],
    ["RELAY_TIMEOUT", false],
  ];
  for (const [code, expected] of ends) t.is(mayHaveStored(new StatusError(2, code, "")), expected, code);
  const nothing: Outcome = { kind: "nothing", effects: [] };
  t.false(mayHaveStored(nothing));
});
