// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";
import test from "ava";

import type { CounterCommand } from "../lib/counter-function.ts";
import { ADD, counterAmount, counterFunction, GET } from "../lib/counter-function.ts";
import { statusOf } from "../lib/grpc-caller.ts";
import type { LocalProxy } from "../lib/local-proxy.ts";
import { startWorld } from "../lib/local-proxy.ts";
import type { ScriptedAction } from "../lib/scripted-actions.ts";
import type { Script } from "../lib/scripted-user-function.ts";
import { line, lineReply, TALKS_SERVICE, talksSpec, textOf } from "../lib/talks.ts";
import { until } from "../lib/until.ts";

// User functions that take few streams: each entity in memory holds one.

const SAY = `/${TALKS_SERVICE}/Say`;
const RESOURCE_EXHAUSTED = 8;

/** Short time-outs for tests that wait for both. A busy machine alone does not cause a silence of a second. */
const QUICK = { PERDURE_STREAM_SILENCE_MS: "1000", PERDURE_STREAM_WAIT_MS: "3000" };
/** Gives the user function two seconds, a quarter of the silence, to answer when the proxy asks it. */
const PATIENT = { PERDURE_STREAM_SILENCE_MS: "8000", PERDURE_STREAM_WAIT_MS: "60000" };
/** For tests in which the number of streams is announced or set: no silence lasts this long. */
const UNHEARD = { ...QUICK, PERDURE_STREAM_SILENCE_MS: "60000" };

type Limits = Pick<Script, "threads" | "maxConcurrentStreams">;

/** Starts a counter that holds commands with an amount of 9, and an action that answers with the text it gets. */
async function start(t: ExecutionContext, limits: Limits, env: Readonly<Record<string, string>> = QUICK) {
  const held: CounterCommand[] = [];
  const script: Script = {
    ...limits,
    spec: talksSpec(),
    onMessage: counterFunction((command) => command.amount === 9 && held.push(command) > 0),
    // A call that is cancelled in the meantime cannot be answered.
    onAction: (call) => void echo(call).catch(() => undefined),
  };
  const world = await startWorld(t, script, env);
  const add = async (id: string, amount = 1): Promise<number> =>
    counterAmount(await world.grpc.call(ADD, { id, amount }));
  return { ...world, add, held };
}

async function echo({ commands, send }: ScriptedAction): Promise<void> {
  for await (const { payload } of commands) await send(lineReply(textOf(payload?.value)));
}

const inTurn = async (count: number, act: (id: string) => Promise<unknown>): Promise<void> => {
  for (let i = 0; i < count; i++) await act(`e${i}`);
};

/** The answer of `/readyz?verbose`. It only remarks that there are few streams, because a pod that serves is ready. */
async function remark({ readyz }: LocalProxy): Promise<string> {
  const { status, body } = await readyz();
  return `${status} ${body}`;
}

for (const streams of [1, 2, 10]) {
  test(`SETTINGS_MAX_CONCURRENT_STREAMS of ${streams}: idle entities make room, and nothing fails or is lost`, async (t) => {
    const { add, grpc, userFunction } = await start(t, { maxConcurrentStreams: streams }, UNHEARD);
    for (const round of [1, 2]) await inTurn(12, async (id) => t.is(await add(id), round));
    // An action needs one too.
    t.is(textOf(await grpc.callBytes(SAY, line("hello"))), "hello");
    t.deepEqual(userFunction.reports, []);
  });

  test(`SETTINGS_MAX_CONCURRENT_STREAMS of ${streams}: more commands at a time than streams wait for their turn`, async (t) => {
    const { add, userFunction } = await start(t, { maxConcurrentStreams: streams }, {});
    const ids = Array.from({ length: 30 }, (_, i) => `e${i}`);
    t.deepEqual(
      await Promise.all(ids.map((id) => add(id, 2))),
      ids.map(() => 2),
    );
    t.deepEqual(userFunction.reports, []);
  });
}

test("the setting bounds the streams of a user function that does not say how many it takes", async (t) => {
  const { add, userFunction } = await start(
    t,
    { threads: 3 },
    { ...UNHEARD, PERDURE_MAX_USER_FUNCTION_STREAMS: "3" },
  );
  for (const round of [1, 2]) await inTurn(10, async (id) => t.is(await add(id), round));
  t.deepEqual(userFunction.reports, []);
});

test("with every stream busy a command is refused in time, on every way, and served when one is free", async (t) => {
  const { add, held, http, grpc } = await start(t, { maxConcurrentStreams: 2 }, UNHEARD);
  const busy = [add("a", 9), add("b", 9)];
  await until("both are busy", () => held.length === 2);
  t.like(await http.call("/perdure.test.Counter/Add", { body: { id: "c", amount: 1 } }), {
    status: 429,
    errorCode: "USER_FUNCTION_BUSY",
  });
  const { code, text } = await statusOf(grpc.call(GET, { id: "c" }));
  t.is(code, RESOURCE_EXHAUSTED);
  t.regex(text, /takes 2 streams at a time, and none became free within 3000 ms/);
  t.is((await statusOf(grpc.callBytes(SAY, line("hello")))).code, RESOURCE_EXHAUSTED);
  const waiting = add("c");
  held[0]?.carryOut();
  t.is(await waiting, 1);
  held[1]?.carryOut();
  t.deepEqual(await Promise.all(busy), [9, 9]);
});

test("a user function with three threads that does not say so: idle entities make room, and it is said", async (t) => {
  const world = await start(t, { threads: 3 });
  const { add, grpc, userFunction, lines } = world;
  for (const round of [1, 2]) await inTurn(8, async (id) => t.is(await add(id), round));
  t.is(textOf(await grpc.callBytes(SAY, line("hello"))), "hello");
  t.true(lines.some((text) => text.includes("leaves new streams without an answer")));
  t.true(userFunction.reports.some((text) => text.includes("a thread for each")));
  t.regex(await remark(world), /^200 [^]*user function, but it serves 3 streams at a time/);
});

test("a call of an action that finds all threads held by idle entities is answered", async (t) => {
  const { add, grpc } = await start(t, { threads: 3 });
  await inTurn(3, add);
  t.is(textOf(await grpc.callBytes(SAY, line("hello"))), "hello");
});

test("with every thread busy a command is refused in time, and the entity served when one is free", async (t) => {
  const { add, held, grpc } = await start(t, { threads: 2 });
  await inTurn(2, add);
  const busy = [add("e0", 9), add("e1", 9)];
  await until("both are busy", () => held.length === 2);
  const { code, text } = await statusOf(grpc.call(ADD, { id: "c", amount: 5 }));
  t.is(code, RESOURCE_EXHAUSTED);
  t.regex(text, /has not answered on a new stream for 3000 ms, while it serves 2 others/);
  const action = await statusOf(grpc.callBytes(SAY, line("hello")));
  t.is(action.code, RESOURCE_EXHAUSTED);
  for (const command of held) command.carryOut();
  t.deepEqual(await Promise.all(busy), [10, 10]);
  // Nothing of the refused command was stored.
  t.is(await add("c"), 1);
});

test("a slow user function with threads enough keeps its entities: it takes the call that asks it", async (t) => {
  const world = await start(t, {}, PATIENT);
  const { add, held, userFunction, lines } = world;
  await inTurn(2, add);
  const slow = add("slow", 9);
  await until("it was asked", () => userFunction.reports.length === 1);
  t.regex(userFunction.reports[0] ?? "", /a new stream has had no answer for 8000 ms, and 3 are open/);
  held[0]?.carryOut();
  t.is(await slow, 9);
  t.is(await add("e0"), 2);
  t.is(userFunction.streams.length, 3, "no entity had to leave");
  t.false(lines.some((text) => text.includes("leaves new streams without an answer")));
  t.notRegex(await remark(world), /serves \d+ streams/);
});

test("a user function that goes away takes those who wait for a stream with it", async (t) => {
  const { add, held, grpc, userFunction } = await start(
    t,
    { maxConcurrentStreams: 1 },
    { ...QUICK, PERDURE_STREAM_WAIT_MS: "60000" },
  );
  const busy = statusOf(add("a", 9));
  await until("it is busy", () => held.length === 1);
  const waiting = statusOf(grpc.call(ADD, { id: "b", amount: 1 }));
  const action = statusOf(grpc.callBytes(SAY, line("hello")));
  userFunction.kill();
  t.is((await busy).code, 2);
  t.is((await waiting).code, 14);
  t.is((await action).code, 14);
});
