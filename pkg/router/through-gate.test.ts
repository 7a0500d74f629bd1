// SPDX-License-Identifier: Apache-2.0

import { setImmediate as turn } from "node:timers/promises";

import test from "ava";

import { ManualClock } from "../base/test-doubles/mod.ts";
import type { CallContext } from "../call/mod.ts";
import { callerlessCall } from "../call/mod.ts";
import type { Admission, Pass, ReplyGate } from "../cluster/mod.ts";
import { ALONE } from "../cluster/mod.ts";
import type { Outcome } from "../entity/mod.ts";
import { CALLERS_LINEAGE } from "../entity/mod.ts";
import { Status, StatusError } from "../grpc/mod.ts";

import { counterRequest } from "../../test/lib/counter.ts";
import { plenty } from "../../test/lib/plenty.ts";
import { EntityServices } from "./entity-services.ts";
import { NO_PEERS } from "./peers.ts";
import { effect, forward, methodOf, reply, startRouter } from "./testdata/world.ts";

/** A gate that gives these passes, one for each command that begins, and counts. */
function gateOf(...passes: (ReturnType<Admission["pass"]> | undefined)[]) {
  const counts = { begun: 0, passed: 0, ended: 0 };
  const gate: ReplyGate = {
    begin: () => {
      const pass = passes[counts.begun++];
      if (pass === undefined) return undefined;
      const count = <T>(name: "passed" | "ended", value: T): T => {
        counts[name]++;
        return value;
      };
      return { pass: () => count("passed", pass), end: () => count("ended", undefined) };
    },
  };
  return { gate, counts };
}

const stored = (outcome: Outcome): Outcome => ({ ...outcome, hasStored: true });
const failure = (code: string) => Promise.reject(new StatusError(Status.UNKNOWN, code, "no"));

test("nothing of an answer leaves before it has passed the gate: neither reply, side effect nor forward", async (t) => {
  const held = Promise.withResolvers<Pass>();
  const { gate, counts } = gateOf(held.promise);
  const { send, seen } = startRouter({
    gate,
    entity: () => forward("Talks.Say", "forwarded", [effect("Talks.Say", "effect", true)]),
  });
  let isAnswered = false;
  const sent = send("Counter.Add", "a").finally(() => (isAnswered = true));
  await turn();
  t.deepEqual([isAnswered, seen, counts], [false, ["Add a"], { begun: 1, passed: 1, ended: 0 }]);
  held.resolve("reply");
  t.is(await sent, "forwarded");
  t.deepEqual(seen, ["Add a", "Say effect", "Say forwarded"]);
  t.deepEqual(counts, { begun: 1, passed: 1, ended: 1 });
});

test("what an entity refuses passes the gate too, because it may be refused for old state", async (t) => {
  const held = Promise.withResolvers<Pass>();
  const { gate, counts } = gateOf(held.promise);
  const { send } = startRouter({ gate, entity: () => failure("COMMAND_FAILED") });
  let isAnswered = false;
  const sent = send("Counter.Add", "a").finally(() => (isAnswered = true));
  await turn();
  t.false(isAnswered);
  held.resolve("reply");
  await t.throwsAsync(sent, { code: "COMMAND_FAILED" });
  t.is(counts.ended, 1);
});

test("a command that stored nothing begins again if its answer may not leave; so does one with a key (I7)", async (t) => {
  const answers: (() => Outcome | Promise<Outcome>)[] = [
    () => reply("old"),
    () => failure("COMMAND_FAILED"),
    () => stored(reply("old")),
    () => failure("OUTCOME_UNKNOWN"),
  ];
  for (const [index, old] of answers.entries()) {
    const { gate, counts } = gateOf("over", undefined, "reply");
    let asked = 0;
    const { send } = startRouter({ gate, entity: () => (asked++ === 0 ? old() : reply("new")) });
    t.is(await send("Counter.Add", "a", { idempotencyKey: index < 2 ? undefined : "k" }), "new");
    t.deepEqual(counts, { begun: 3, passed: 2, ended: 2 });
  }
});

test("a command without a key that has stored something, or may have, fails and is not carried out again", async (t) => {
  for (const entity of [() => stored(reply("old")), () => failure("OUTCOME_UNKNOWN")]) {
    const { gate, counts } = gateOf("over");
    const { send, seen } = startRouter({ gate, entity });
    const error = await t.throwsAsync(send("Counter.Add", "a"), {
      instanceOf: StatusError,
      code: "ANSWER_WITHHELD",
      message: /the outcome is unknown; read before you try again$/,
    });
    t.is((error as StatusError).status, Status.UNAVAILABLE);
    t.deepEqual([seen, counts], [["Add a"], { begun: 1, passed: 1, ended: 1 }]);
  }
});

test("the side effects of an answer that may not leave are given up for now, and nobody here carries them out", async (t) => {
  const ends: boolean[] = [];
  const { gate } = gateOf("over");
  const effects = [effect("Talks.Say", "x", true, (isDone) => ends.push(isDone)), effect("Talks.Say", "y")];
  const { send, seen } = startRouter({ gate, entity: () => stored(reply("old", effects)) });
  await t.throwsAsync(send("Counter.Add", "a"), { code: "ANSWER_WITHHELD" });
  t.deepEqual([ends, seen], [[false], ["Add a"]]);
});

test("the side effects of an answer whose caller leaves at the gate are carried out at once, and its reply is not", async (t) => {
  for (const changes of ["late", "left"] as const) {
    const ends: boolean[] = [];
    const { gate } = gateOf(new Promise<Pass>(() => undefined));
    const effects = [effect("Talks.Say", "x", true, (isDone) => ends.push(isDone)), effect("Talks.Say", "y")];
    const { send, seen, clock } = startRouter({ gate, entity: () => stored(reply("old", effects)) });
    let leave = (): void => clock.advance(50);
    const call: Partial<CallContext> =
      changes === "late"
        ? { deadlineMs: clock.monotonicMs() + 50 }
        : { onCancel: (listener) => (leave = listener) };
    const sent = send("Counter.Add", "a", call);
    await turn();
    leave();
    await t.throwsAsync(sent, { code: "ANSWER_WITHHELD" });
    await turn();
    t.deepEqual([ends, seen], [[true], ["Add a", "Say x"]], "what is not on record is not carried out");
  }
});

test("an answer does not wait at the gate longer than its caller", async (t) => {
  for (const [outcome, advice] of [
    [reply("read"), /; try again$/],
    [stored(reply("changed")), /unknown; read before you try again$/],
  ] as const) {
    const never = new Promise<Pass>(() => undefined);
    const { gate, counts } = gateOf(never, never);
    const { send, clock } = startRouter({ gate, entity: () => outcome });
    const late = send("Counter.Add", "a", { deadlineMs: clock.monotonicMs() + 50 });
    await turn();
    clock.advance(50);
    await t.throwsAsync(late, { code: "ANSWER_WITHHELD", message: advice });
    let leave = (): void => undefined;
    const onCancel: CallContext["onCancel"] = (listener) => (leave = listener);
    const left = send("Counter.Add", "a", { onCancel });
    await turn();
    leave();
    await t.throwsAsync(left, { code: "ANSWER_WITHHELD", message: "the caller went away" });
    t.is(counts.ended, 2);
  }
});

test("I11: a command that loses its shard again and again, or meets a gate that refuses it, is given up", async (t) => {
  for (const pass of ["over", undefined] as const) {
    const { gate, counts } = gateOf(...Array.from({ length: 100 }, () => pass));
    const { send } = startRouter({ gate });
    await t.throwsAsync(send("Counter.Add", "a"), { code: "SHARD_MOVING", message: /try again/ });
    t.is(counts.begun, 8);
    t.is(counts.ended, pass === undefined ? 0 : 8);
  }
});

test("without a gate the caller gets the promise of the entity itself", async (t) => {
  const promise = Promise.resolve(reply("x"));
  const services = new EntityServices({
    entities: { dispatch: () => promise, serve: () => undefined },
    placement: ALONE,
    peers: NO_PEERS,
    clock: new ManualClock(),
    options: {
      maxRequestFields: 10,
      maxEntityIdLength: 10,
      strictEntityKeys: false,
      shardWaitTimeoutMs: 30_000,
    },
  });
  const call = callerlessCall(plenty().charge());
  const command = { method: methodOf("Counter.Add"), payload: counterRequest("a"), call };
  t.is(services.unary(command, CALLERS_LINEAGE), promise);
  await promise;
});
