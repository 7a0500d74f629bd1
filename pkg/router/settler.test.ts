// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { EntityCommand, Outcome } from "../entity/mod.ts";
import { NO_EFFECTS } from "../entity/mod.ts";
import { Status, StatusError } from "../grpc/mod.ts";

import { until } from "../../test/lib/until.ts";
import { callOf, effect, forward, reply, startRouter } from "./testdata/world.ts";

const NO = new StatusError(Status.UNKNOWN, "COMMAND_FAILED", "no");
const failure: Outcome = { kind: "failure", error: NO, effects: NO_EFFECTS };

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const item of items) seen.push(item);
  return seen;
}

// Forwards

test("a forward's target answers in place of the first method, through any number of links", async (t) => {
  const { send, seen } = startRouter({
    unary: (_name, text) => (text.length < 3 ? forward("Talks.Say", `${text}x`) : reply(text)),
  });
  t.is(await send("Talks.Say", "a"), "axx");
  t.deepEqual(seen, ["Say a", "Say ax", "Say axx"]);
});

test("forwards go from any kind of service to any other, with the caller's deadline and cancellation", async (t) => {
  const given: EntityCommand[] = [];
  const { send, seen } = startRouter({
    unary: (_name, text) => (text === "add" ? forward("Counter.Add", "ann") : reply(text)),
    entity: (_name, id, command) => {
      given.push(command);
      return id === "bob" ? forward("Talks.Say", "done") : reply("from ann");
    },
  });
  const onCancel = (): void => undefined;
  t.is(await send("Talks.Say", "add", { deadlineMs: 7, onCancel }), "from ann");
  t.like(given[0]?.call, { deadlineMs: 7, onCancel });
  t.is(await send("Counter.Add", "bob"), "done");
  t.deepEqual(seen, ["Say add", "Add ann", "Add bob", "Say done"]);
});

test("what a forward's target fails with is the caller's", async (t) => {
  const { send } = startRouter({
    unary: (_name, text) => (text === "a" ? forward("Talks.Say", "b") : failure),
  });
  t.is(await t.throwsAsync(send("Talks.Say", "a")), NO);
  const thrown = startRouter({ unary: () => forward("Counter.Add", ""), entity: () => reply("") });
  await t.throwsAsync(thrown.send("Talks.Say", "a"), { code: "ENTITY_KEY_MISSING" });
});

test("an unknown target is reported with its trace, and the caller is told no more than that", async (t) => {
  const { send, reports } = startRouter({
    unary: (_name, text) => {
      if (text === "service") return { ...forward("Nobody.Say", ""), effects: NO_EFFECTS };
      if (text === "command") return forward("Talks.Sing", "");
      if (text === "type")
        return { kind: "forward", call: { ...callOf("Talks.Say", ""), typeUrl: "a/b.C" }, effects: [] };
      return forward("Talks.Say", text.slice(1));
    },
  });
  const generic = {
    code: "BAD_TARGET",
    message: "the user function asked for a command that cannot be carried out",
  };
  for (const text of ["service", "command", "type", " command"])
    await t.throwsAsync(send("Talks.Say", text), generic);
  t.deepEqual(reports, [
    'unknown service "perdure.test.Nobody", forwarded from perdure.test.Talks.Say',
    'unknown command "Sing" of perdure.test.Talks, forwarded from perdure.test.Talks.Say',
    "perdure.test.Talks.Say takes perdure.test.Line, not b.C, forwarded from perdure.test.Talks.Say",
    'unknown command "Sing" of perdure.test.Talks, forwarded from perdure.test.Talks.Say, forwarded from perdure.test.Talks.Say',
  ]);
});

test("a type may be named with another prefix, and no type at all is an empty message", async (t) => {
  const { send } = startRouter({
    unary: (_name, text) => {
      if (text === "a")
        return {
          kind: "forward",
          call: { ...callOf("Talks.Say", "b"), typeUrl: "x.org/perdure.test.Line" },
          effects: [],
        };
      if (text === "b")
        return { kind: "forward", call: { ...callOf("Talks.Say", ""), typeUrl: "" }, effects: [] };
      return reply("end");
    },
  });
  t.is(await send("Talks.Say", "a"), "end");
});

test("a chain has a bound (I11)", async (t) => {
  const { send, seen, reports } = startRouter(
    { unary: () => forward("Talks.Say", "a") },
    { maxForwardDepth: 3 },
  );
  await t.throwsAsync(send("Talks.Say", "a"), { code: "CHAIN_TOO_LONG" });
  t.is(seen.length, 4);
  t.is(reports.length, 1);
  t.regex(
    reports[0] ?? "",
    /^more than 3 forwards and side effects in a row, asked for by .*, forwarded from/,
  );
});

test("a forward while the user function is gone can be tried again", async (t) => {
  const { send, reports } = startRouter({ unary: () => forward("Talks.Say", "a"), gone: true });
  await t.throwsAsync(send("Talks.Say", "a"), { code: "USER_FUNCTION_UNAVAILABLE" });
  t.deepEqual(reports, []);
});

test("forwards inside a stream keep their place, and may bring a stream themselves", async (t) => {
  const { stream } = startRouter({
    unary: async (_name, text) => {
      // The slower answer still comes first.
      if (text === "1") await new Promise((resolve) => setImmediate(resolve));
      return reply(`said ${text}`);
    },
    async *streamed(name, input) {
      for await (const text of input) {
        if (name === "Recite") {
          yield reply(`${text}a`);
          yield reply(`${text}b`);
        } else if (text === "3") yield forward("Talks.Recite", text);
        else if (text === "4") yield forward("Talks.Gather", text);
        else yield forward("Talks.Say", text);
      }
    },
  });
  t.deepEqual(await collect(stream("Talks.Chat", ["1", "2", "3"])), ["said 1", "said 2", "3a", "3b"]);
});

test("a method with one reply may forward to one that takes a stream, not to one that has a stream of replies", async (t) => {
  const { send, reports } = startRouter({
    unary: (_name, text) => forward(text === "in" ? "Talks.Gather" : "Talks.Recite", text),
  });
  t.is(await send("Talks.Say", "in"), "in");
  await t.throwsAsync(send("Talks.Say", "out"), { code: "BAD_TARGET" });
  t.deepEqual(reports, [
    "perdure.test.Talks.Say has one reply, but was forwarded to perdure.test.Talks.Recite, which has a stream of them",
  ]);
});

// Side effects

test("effects come before the answer and in order: synchronous ones are waited for, others only started", async (t) => {
  const log: string[] = [];
  const held = Promise.withResolvers<void>();
  const { send, router } = startRouter({
    unary: () =>
      reply("done", [
        effect("Counter.Add", "one", true),
        effect("Counter.Add", "two"),
        effect("Counter.Add", "three", true),
      ]),
    entity: async (_name, id) => {
      log.push(`${id} begins`);
      if (id === "two") await held.promise;
      else await new Promise((resolve) => setImmediate(resolve));
      log.push(`${id} ends`);
      return reply("");
    },
  });
  log.push(await send("Talks.Say"));
  t.deepEqual(log, ["one begins", "one ends", "two begins", "three begins", "three ends", "done"]);
  const stopped = router.stop().then(() => log.push("stopped"));
  held.resolve();
  await stopped;
  t.deepEqual(log.slice(-2), ["two ends", "stopped"]);
});

test("effects beside a forward, a failure or no reply are carried out too", async (t) => {
  const effects = [effect("Counter.Add", "x", true)];
  const { send, seen } = startRouter({
    unary: (_name, text) => {
      if (text === "forward") return forward("Talks.Say", "end", effects);
      if (text === "failure") return { kind: "failure", error: NO, effects };
      return text === "nothing" ? { kind: "nothing", effects } : reply(text);
    },
  });
  t.is(await send("Talks.Say", "forward"), "end");
  await t.throwsAsync(send("Talks.Say", "failure"), { code: "COMMAND_FAILED" });
  await t.throwsAsync(send("Talks.Say", "nothing"), { code: "NO_REPLY" });
  t.deepEqual(seen, ["Say forward", "Add x", "Say end", "Say failure", "Add x", "Say nothing", "Add x"]);
});

test("an effect that fails changes nothing for the caller, and is reported", async (t) => {
  const { send, reports } = startRouter({
    unary: () =>
      reply("done", [
        effect("Counter.Add", "a", true),
        effect("Counter.Add", ""),
        effect("Nobody.Say", "", true),
        effect("Counter.Get", "b", true),
      ]),
    entity: (name) => {
      if (name === "Add") return failure;
      throw new Error("a bug");
    },
  });
  t.is(await send("Talks.Say"), "done");
  const trace = "side-effect of perdure.test.Talks.Say";
  t.deepEqual(reports.toSorted(), [
    `perdure.test.Counter.Add failed: no (COMMAND_FAILED), ${trace}`,
    `perdure.test.Counter.Add failed: the request names no entity: a key field of perdure.test.Request is empty (ENTITY_KEY_MISSING), ${trace}`,
    `perdure.test.Counter.Get failed: unexpected failure, see the proxy's log (INTERNAL), ${trace}`,
    `unknown service "perdure.test.Nobody", ${trace}`,
  ]);
});

test("effects of effects and of forwards are carried out, within the bound of the chain (I11)", async (t) => {
  const { send, router, seen, reports } = startRouter(
    {
      unary: (_name, text) => {
        if (text === "a") return reply(text, [effect("Talks.Say", "b")]);
        if (text === "b") return forward("Talks.Say", "c", [effect("Counter.Add", "of b")]);
        if (text === "c") return reply(text, [effect("Counter.Add", "of c")]);
        return reply(text, [effect("Talks.Say", "again", true)]);
      },
    },
    { maxForwardDepth: 3 },
  );
  t.is(await send("Talks.Say", "a"), "a");
  await router.stop();
  t.deepEqual(seen, ["Say a", "Say b", "Add of b", "Say c", "Add of c"]);
  t.is(await send("Talks.Say", "again"), "again");
  t.is(seen.filter((each) => each === "Say again").length, 4);
  t.deepEqual(
    reports.map((report) => report.split(",")[0]),
    ["more than 3 forwards and side effects in a row"],
  );
});

test("an effect goes to a stream too: its answers matter to nobody, but what they ask for does", async (t) => {
  const { send, seen } = startRouter({
    unary: () => reply("done", [effect("Talks.Recite", "r", true), effect("Talks.Gather", "g", true)]),
    async *streamed(name, input) {
      for await (const text of input)
        yield reply(text, name === "Recite" ? [effect("Counter.Add", "x", true)] : []);
    },
  });
  t.is(await send("Talks.Say"), "done");
  t.deepEqual(seen, ["Say ", "Recite r", "Add x", "Gather g"]);
});

test("no more asynchronous effects are under way than may be; the command with the next one waits (I11)", async (t) => {
  let open = 0;
  let most = 0;
  const { send, router, seen } = startRouter(
    {
      unary: (_name, text) =>
        reply(
          text,
          [1, 2, 3].map((i) => effect("Counter.Add", `${text}${i}`)),
        ),
      entity: async () => {
        most = Math.max(most, ++open);
        await new Promise((resolve) => setImmediate(resolve));
        open--;
        return reply("");
      },
    },
    { maxOpenEffects: 2 },
  );
  await Promise.all(["a", "b", "c"].map((text) => send("Talks.Say", text)));
  await router.stop();
  t.is(most, 2);
  t.is(seen.filter((each) => each.startsWith("Add")).length, 9);
});

test("effects within asynchronous effects never wait for each other's places", async (t) => {
  const { send, router, seen } = startRouter(
    {
      unary: (_name, text) =>
        reply(
          text,
          text.length < 3 ? ["x", "y"].map((letter) => effect("Talks.Say", `${text}${letter}`)) : NO_EFFECTS,
        ),
    },
    { maxOpenEffects: 1 },
  );
  await send("Talks.Say", "");
  await router.stop();
  t.is(seen.length, 1 + 2 + 4 + 8);
});

test("an effect goes on when its caller has gone", async (t) => {
  let cancelled = false;
  let cancel: (() => void) | undefined;
  const { send } = startRouter({
    unary: (_name, text, { call: { onCancel } }) => {
      onCancel(() => undefined);
      return reply(text, [effect("Counter.Add", "a", true)]);
    },
    entity: (_name, _id, { call: { onCancel } }) => {
      onCancel(() => (cancelled = true));
      cancel?.();
      return reply("");
    },
  });
  await send("Talks.Say", "", { onCancel: (listener) => (cancel = listener) });
  t.truthy(cancel);
  t.false(cancelled);
});

test("what follows from a command with a key has keys that follow from that, always the same (I7)", async (t) => {
  const keys: (string | undefined)[] = [];
  const { send } = startRouter({
    unary: () =>
      forward("Counter.Get", "a", [
        effect("Counter.Add", "a", true),
        { ...effect("Counter.Add", "a", true), idempotencyKey: "own" },
        effect("Counter.Add", "a", true),
      ]),
    entity: (_name, _id, { call: { idempotencyKey } }) => {
      keys.push(idempotencyKey);
      return reply("");
    },
  });
  for (const idempotencyKey of ["k", "k", undefined]) await send("Talks.Say", "", { idempotencyKey });
  const derived = ["k/effect-0", "own", "k/effect-2", "k/forward"];
  t.deepEqual(keys, [...derived, ...derived, undefined, "own", undefined, undefined]);
});

// Side effects on record

const DOWN = new StatusError(Status.UNAVAILABLE, "LOG_UNAVAILABLE", "down");

test("an effect on record is tried again, after longer and longer, until its target answers", async (t) => {
  const ends: boolean[] = [];
  let tries = 0;
  const { send, clock, reports } = startRouter(
    {
      unary: () => reply("done", [effect("Counter.Add", "a", false, (isDone) => ends.push(isDone))]),
      entity: () => (++tries < 4 ? Promise.reject(DOWN) : reply("")),
    },
    { maxEffectTries: 4 },
  );
  t.is(await send("Talks.Say"), "done");
  for (const [index, pauseMs] of [100, 200, 400].entries()) {
    await until("it has failed", () => clock.pending > 0);
    t.is(tries, index + 1);
    clock.advance(pauseMs - 1);
    t.is(clock.pending, 1);
    clock.advance(1);
  }
  await until("it has ended", () => ends.length > 0);
  t.is(tries, 4);
  t.deepEqual(ends, [true]);
  t.deepEqual(reports, [], "the user function is not to blame");
});

test("one that an answer came to is done, whatever the answer is, and one that is on no record has one try", async (t) => {
  const ends: string[] = [];
  const onEnd = (name: string) => (isDone: boolean) => ends.push(`${name} ${isDone}`);
  const { send, seen, reports } = startRouter({
    unary: () =>
      reply("done", [
        effect("Counter.Add", "ok", true, onEnd("ok")),
        effect("Counter.Add", "no", true, onEnd("no")),
        effect("Nobody.Say", "", true, onEnd("nobody")),
        effect("Counter.Add", "down", true),
      ]),
    entity: (_name, id) => {
      if (id === "down") throw DOWN;
      return id === "no" ? failure : reply("");
    },
  });
  t.is(await send("Talks.Say"), "done");
  t.deepEqual(ends, ["ok true", "no true", "nobody true"]);
  t.deepEqual(seen, ["Say ", "Add ok", "Add no", "Add down"]);
  t.is(reports.length, 3);
});

test("who waits for a synchronous effect waits for its first try; after the last one it is given up", async (t) => {
  const ends: boolean[] = [];
  const { send, clock, router, seen } = startRouter({
    unary: () => reply("done", [effect("Counter.Add", "a", true, (isDone) => ends.push(isDone))]),
    entity: () => Promise.reject(DOWN),
  });
  t.is(await send("Talks.Say"), "done");
  t.deepEqual(ends, []);
  for (const pauseMs of [100, 200]) {
    await until("it waits", () => clock.pending > 0);
    clock.advance(pauseMs);
  }
  await until("it is given up", () => ends.length > 0);
  t.deepEqual(ends, [false]);
  t.is(seen.filter((each) => each === "Add a").length, 3);
  await router.stop();
});

test("I11: without a place a synchronous effect is not tried again; at the end nothing is", async (t) => {
  const ends: string[] = [];
  const onEnd = (name: string) => (isDone: boolean) => ends.push(`${name} ${isDone}`);
  const { send, clock, router } = startRouter(
    {
      unary: () =>
        reply("done", [
          effect("Counter.Add", "a", false, onEnd("asynchronous")),
          effect("Counter.Add", "b", true, onEnd("synchronous")),
        ]),
      entity: () => Promise.reject(DOWN),
    },
    { maxOpenEffects: 1 },
  );
  await send("Talks.Say");
  t.deepEqual(ends, ["synchronous false"]);
  await until("the other one waits", () => clock.pending > 0);
  await router.stop();
  t.deepEqual(ends, ["synchronous false", "asynchronous false"]);
});

test("effects that are carried out again keep their order, share a place, and say whose they are", async (t) => {
  const log: string[] = [];
  const { router, reports } = startRouter(
    {
      entity: async (_name, id) => {
        log.push(`${id} begins`);
        await new Promise((resolve) => setImmediate(resolve));
        log.push(`${id} ends`);
        return id === "c" ? failure : reply("", [effect("Counter.Get", `of ${id}`)]);
      },
    },
    { maxOpenEffects: 1, maxForwardDepth: 1 },
  );
  const effects = ["a", "b", "c"].map((id) => ({
    ...effect("Counter.Add", id, id === "b", () => log.push(`${id} done`)),
    lineage: { origin: "first", depth: 1, budget: 5 },
  }));
  await router.carryOutAgain(effects, "shop.Cart entity ann");
  t.deepEqual(
    log,
    ["a", "b", "c"].flatMap((id) => [`${id} begins`, `${id} ends`, `${id} done`]),
  );
  t.deepEqual(reports, [
    "more than 1 forwards and side effects in a row, asked for by perdure.test.Counter.Add, side-effect of shop.Cart entity ann",
    "perdure.test.Counter.Add failed: no (COMMAND_FAILED), side-effect of shop.Cart entity ann",
  ]);
});
