// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { seededRandom } from "../base/test-doubles/mod.ts";
import type { EntityCommand, Outcome, SideEffect } from "../entity/mod.ts";
import { descend } from "../entity/mod.ts";
import { StatusError } from "../grpc/mod.ts";

import { effect, forward, reply, startRouter } from "./testdata/world.ts";

const TARGETS = ["Talks.Say", "Talks.Gather", "Talks.Recite", "Counter.Add"];

/**
 * Lets services forward commands and send side effects to each other at random (by the seed), without an end of their
 * own. Returns how many commands follow from one command.
 */
async function commandsThatFollow(seed: number, widest: number, maxDescendants: number): Promise<number> {
  const draw = seededRandom(seed);
  const below = (bound: number) => Math.floor(draw() * bound);
  const targetOf = () => TARGETS[below(TARGETS.length)] as string;
  const effects = (): SideEffect[] =>
    Array.from({ length: below(widest + 1) }, () => effect(targetOf(), "x", draw() < 0.5));
  const answer = (): Outcome => (draw() < 0.5 ? forward(targetOf(), "x", effects()) : reply("x", effects()));
  const limits = { maxDescendants, maxForwardDepth: 1_000 };
  const { send, seen, router } = startRouter(
    {
      // A router that lets all through would never end.
      unary: () => (seen.length > 3 * maxDescendants ? reply("x") : answer()),
      async *streamed(_name, input) {
        for await (const _ of input) {
          for (let count = below(60); count >= 0; count--)
            yield seen.length > 3 * maxDescendants ? reply("x") : answer();
        }
      },
      entity: (_name, _id, command) =>
        seen.length > 3 * maxDescendants ? reply("x") : asAnEntity(answer(), command, limits, draw),
    },
    limits,
  );
  await send("Talks.Say").catch(() => undefined);
  await router.stop();
  return seen.length - 1;
}

/** Divides its command's budget before it stores anything, as entities do. */
function asAnEntity(
  outcome: Outcome,
  { lineage: own }: EntityCommand,
  limits: { readonly maxDescendants: number; readonly maxForwardDepth: number },
  draw: () => number,
): Outcome {
  const count = outcome.effects.length + (outcome.kind === "forward" ? 1 : 0);
  if (count === 0) return outcome;
  const lineage = descend(own, count, limits, draw);
  if (lineage instanceof StatusError) throw lineage;
  return { ...outcome, lineage, effects: outcome.effects.map((each) => ({ ...each, lineage })) };
}

test("I11: from one command no more forwards and side effects follow than may, through actions, streams and entities", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      fc.integer({ min: 0, max: 12 }),
      fc.integer({ min: 1, max: 300 }),
      async (seed, widest, max) => {
        const count = await commandsThatFollow(seed, widest, max);
        t.true(count <= max, `${count} of ${max}`);
      },
    ),
    { numRuns: 300 },
  );
});

test("what entities are given goes on from where the command before stood", async (t) => {
  const given: EntityCommand[] = [];
  const { send, router } = startRouter(
    {
      unary: (_name, text) => forward("Counter.Add", text, [effect("Counter.Add", "b", true)]),
      entity: (_name, _id, command) => {
        given.push(command);
        return reply("x");
      },
    },
    { maxDescendants: 10 },
  );
  await send("Counter.Add", "a");
  await send("Talks.Say", "a");
  await router.stop();
  const [callers, ofEffect, ofForward] = given.map(({ lineage }) => lineage);
  t.like(callers, { origin: "", depth: 0 });
  t.like(ofEffect, { depth: 1, budget: 4 });
  t.deepEqual(ofForward, ofEffect);
  t.not(ofForward?.origin, "");
});

test("a command that asks for too much fails with a code; its developer is told once for all that follows from one", async (t) => {
  const { send, seen, reports, router } = startRouter(
    {
      unary: (_name, text) =>
        text === "many"
          ? reply(
              "",
              Array.from({ length: 4 }, () => effect("Talks.Say", "x")),
            )
          : reply("", [effect("Talks.Say", "x"), effect("Talks.Say", "x")]),
    },
    { maxDescendants: 3 },
  );
  await t.throwsAsync(send("Talks.Say", "many"), { code: "TOO_MANY_DESCENDANTS" });
  await send("Talks.Say", "few");
  await router.stop();
  t.deepEqual(seen, ["Say many", "Say few", "Say x", "Say x"]);
  t.deepEqual(reports, [
    "4 forwards and side effects, but 3 are left for it of the 3 that may follow from one command of a caller, asked for by perdure.test.Talks.Say",
    "2 forwards and side effects, but 0 are left for it of the 3 that may follow from one command of a caller, asked for by perdure.test.Talks.Say, side-effect of perdure.test.Talks.Say",
  ]);
});

test("each answer of a caller's stream counts as a command of its own, and so do those of a stream that it forwards to", async (t) => {
  const { stream, seen, router } = startRouter(
    {
      unary: (_name, text) => reply(text),
      async *streamed(name, input) {
        for await (const text of input) {
          if (name === "Chat") yield forward("Talks.Recite", text);
          else for (let i = 0; i < 5; i++) yield reply(`${i}`, [effect("Talks.Say", "x", true)]);
        }
      },
    },
    { maxDescendants: 2 },
  );
  const answers: string[] = [];
  for await (const text of stream("Talks.Chat", ["a", "b"])) answers.push(text);
  await router.stop();
  t.is(answers.length, 10);
  t.is(seen.filter((each) => each === "Say x").length, 10);
});

test("a side effect's stream may ask with many answers, and each has keys of its own (I7)", async (t) => {
  const keys: (string | undefined)[] = [];
  const { send, router } = startRouter(
    {
      unary: () => reply("", [{ ...effect("Talks.Recite", "x", true), idempotencyKey: "k" }]),
      async *streamed(_name, input) {
        for await (const _ of input) {
          yield reply("", [effect("Counter.Add", "a", true), effect("Counter.Add", "a", true)]);
          yield forward("Counter.Add", "a");
          yield forward("Counter.Add", "a", [effect("Counter.Add", "a", true)]);
        }
      },
      entity: (_name, _id, { call: { idempotencyKey } }) => {
        keys.push(idempotencyKey);
        return reply("x");
      },
    },
    { maxDescendants: 1_000 },
  );
  await send("Talks.Say");
  await router.stop();
  t.deepEqual(keys, ["k/effect-0", "k/effect-1", "k/forward", "k/effect-2", "k/forward-1"]);
});

test("I11: the answers of a stream that is a side effect's share its budget, however many they are", async (t) => {
  const { send, seen, reports, router } = startRouter(
    {
      unary: (_name, text) => reply(text, text === "go" ? [effect("Talks.Recite", "x", true)] : []),
      async *streamed(_name, input) {
        for await (const _ of input)
          for (let i = 0; i < 500; i++) yield reply("", [effect("Talks.Say", "x", true)]);
      },
    },
    { maxDescendants: 50 },
  );
  await send("Talks.Say", "go");
  await router.stop();
  t.is(seen.filter((each) => each === "Say x").length, 49);
  t.is(reports.length, 1);
});

test("a stream of answers to a side effect may have hundreds that ask for one effect each", async (t) => {
  const { send, seen, router } = startRouter(
    {
      unary: (_name, text) => reply(text, text === "go" ? [effect("Talks.Recite", "x", true)] : []),
      async *streamed(_name, input) {
        for await (const _ of input)
          for (let i = 0; i < 250; i++) yield reply("", [effect("Talks.Say", "x", true)]);
      },
    },
    { maxDescendants: 1_000 },
  );
  await send("Talks.Say", "go");
  await router.stop();
  t.is(seen.filter((each) => each === "Say x").length, 250);
});
