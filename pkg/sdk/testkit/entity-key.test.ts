// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import test from "ava";

import { eventSourced, valueEntity } from "../mod.ts";

import type { NumberKey, PartsKey, Request } from "../test-model/gen/model_pb.ts";
import { Keyed, Model, RequestSchema, StateSchema, ValueModel } from "../test-model/gen/model_pb.ts";
import { given } from "./mod.ts";

type Command = Request | NumberKey | PartsKey;

/** A handler that keeps the commands that it gets. */
function keeping(): { readonly got: Command[]; readonly handle: (command: Command) => { message: string } } {
  const got: Command[] = [];
  return {
    got,
    handle: (command) => {
      got.push(command);
      return { message: "" };
    },
  };
}

test("a command that names no entity names the one that it is given to", async (t) => {
  const { got, handle } = keeping();
  const commands = { process: handle, touch: () => undefined };
  const entity = eventSourced(Model, StateSchema, { persistenceId: "keyed", commands, events: [] });
  const value = valueEntity(ValueModel, StateSchema, { persistenceId: "keyed", commands });
  const first = await given(entity, "ann-of-b").when("process");
  await first.afterwards.when("process", { steps: [] });
  await given(value, "ann-of-b").when("process", {});
  await given(entity).when("process", {});
  t.deepEqual(
    got.map((command) => (command as Request).id),
    ["ann-of-b", "ann-of-b", "ann-of-b", "test"],
  );
});

test("a key that the test gives stays, and so does the test's own message", async (t) => {
  const { got, handle } = keeping();
  const entity = eventSourced(Model, StateSchema, {
    persistenceId: "keyed",
    commands: { process: handle, touch: () => undefined },
    events: [],
  });
  await given(entity, "ann").when("process", { id: "bob" });
  const own = create(RequestSchema);
  await given(entity, "ann").when("process", own);
  t.deepEqual(
    got.map((command) => (command as Request).id),
    ["bob", "ann"],
  );
  t.is(own.id, "");
});

/** Ids, each with the key that the handler gets: the number here, and shop, open, till and weekday in `PARTS`. */
const NUMBERS: readonly (readonly [id: string, number: bigint])[] = [
  ["7", 7n],
  ["18446744073709551615", 18_446_744_073_709_551_615n],
  ["18446744073709551616", 0n],
  ["-1", 0n],
  ["ann", 0n],
];

const PARTS: readonly (readonly [id: string, key: readonly unknown[]])[] = [
  ["a-true-/w==-1", ["a", true, "ff", 1]],
  ["a-false-/w==-0", ["a", false, "ff", 0]],
  ["a-true", ["", false, "", 0]],
  ["a-b-true-/w==-1", ["", false, "", 0]],
];

test("a number, and a key of several fields, are read from the id if they can be", async (t) => {
  const { got, handle } = keeping();
  const entity = eventSourced(Keyed, StateSchema, {
    persistenceId: "keyed",
    commands: { byNumber: handle, byParts: handle },
    events: [],
  });
  for (const [id] of NUMBERS) await given(entity, id).when("byNumber");
  t.deepEqual(
    got.splice(0).map((command) => (command as NumberKey).number),
    NUMBERS.map(([, number]) => number),
  );
  for (const [id] of PARTS) await given(entity, id).when("byParts");
  t.deepEqual(
    got.splice(0).map((command) => {
      const { shop, open, till, weekday } = command as PartsKey;
      return [shop, open, Buffer.from(till).toString("hex"), weekday];
    }),
    PARTS.map(([, key]) => [...key]),
  );
  await given(entity, "a-true-/w==-1").when("byParts", { till: Uint8Array.of(1) });
  t.like(got[0], { shop: "a", open: true, till: Uint8Array.of(1) });
});
