// SPDX-License-Identifier: Apache-2.0

import { status } from "@grpc/grpc-js";
import test from "ava";

import { counterSpec } from "../lib/counter.ts";
import type { CounterCommand } from "../lib/counter-function.ts";
import { ADD, counterAmount, counterFunction, counterReply, GET } from "../lib/counter-function.ts";
import { statusOf } from "../lib/grpc-caller.ts";
import { startWorld } from "../lib/local-proxy.ts";
import { startScriptedUserFunction } from "../lib/scripted-user-function.ts";
import { until } from "../lib/until.ts";

const ADD_PATH = "/perdure.test.Counter/Add";

/** A command with this amount makes the user function misbehave. */
const BAD = 13;

interface Misbehaviour {
  readonly title: string;
  readonly act: (command: CounterCommand) => void;
  /** The error text that the caller gets. */
  readonly text: string;
  readonly httpStatus?: number;
  readonly grpcStatus?: number;
  /** What the user function gets by `reportError`; undefined if it gets nothing. */
  readonly report: RegExp | undefined;
}

const MISBEHAVIOURS: readonly Misbehaviour[] = [
  {
    title: "a reply to another command",
    act: ({ stream, commandId }) => stream.send(counterReply(commandId + 1n, 1, [1])),
    text: "Unexpected entity reply",
    report: /reply to command \d+, but command \d+ is open/,
  },
  {
    title: "an empty message",
    act: ({ stream }) => stream.send({}),
    text: "Unexpected entity message",
    report: /empty message/,
  },
  {
    title: "garbage",
    act: ({ stream }) => stream.sendBytes(Buffer.from("this is no message")),
    text: "Unexpected entity message",
    report: /not a message EventSourcedStreamOut/,
  },
  {
    title: "a failure of the whole stream",
    act: ({ stream, commandId }) =>
      stream.send({ message: { case: "failure", value: { commandId, description: "I am lost" } } }),
    text: "Unexpected entity failure",
    report: /I am lost/,
  },
  {
    title: "the stream's end",
    act: ({ stream }) => stream.complete(),
    text: "Unexpected entity termination",
    report: undefined,
  },
  {
    title: "the stream's failure in gRPC",
    act: ({ stream }) => stream.fail("out of order"),
    text: "Unexpected entity termination",
    report: undefined,
  },
];

for (const { title, act, text, httpStatus = 500, grpcStatus = status.UNKNOWN, report } of MISBEHAVIOURS) {
  test(`${title}: the caller gets the text, other entities and the next command work`, async (t) => {
    const onMessage = counterFunction((command) => {
      if (command.amount !== BAD) return false;
      act(command);
      return true;
    });
    const { http, grpc, userFunction } = await startWorld(t, { spec: counterSpec(), onMessage });
    const { reports } = userFunction;
    const add = async (id: string, amount: number) => counterAmount(await grpc.call(ADD, { id, amount }));
    t.is(await add("other", 1), 1);
    t.is(await add("a", 2), 2);

    t.like(await http.call(ADD_PATH, { body: { id: "a", amount: BAD } }), { status: httpStatus, body: text });
    t.is(await add("a", 1), 3, "the entity is activated again, without anything of the bad answer");
    t.deepEqual(await statusOf(grpc.call(ADD, { id: "a", amount: BAD })), { code: grpcStatus, text });
    t.is(await add("a", 1), 4);
    t.is(await add("other", 1), 2);
    if (report === undefined) t.deepEqual(reports, []);
    else {
      await until("both are reported", () => reports.length === 2);
      for (const said of reports) t.regex(said, report);
    }
  });
}

test("a message without a command breaks its own stream only, and no caller notices", async (t) => {
  const { grpc, userFunction } = await startWorld(t, { spec: counterSpec(), onMessage: counterFunction() });
  await grpc.call(ADD, { id: "a", amount: 1 });
  await grpc.call(ADD, { id: "b", amount: 1 });
  const [ofA] = userFunction.streams;
  ofA?.send(counterReply(1n, 99, [99]));
  await ofA?.ended;
  t.is(counterAmount(await grpc.call(GET, { id: "a" })), 1);
  t.is(counterAmount(await grpc.call(GET, { id: "b" })), 1);
  t.is(userFunction.streams.length, 3);
});

test("commands that wait behind a broken stream are told that the entity is gone", async (t) => {
  const held: CounterCommand[] = [];
  const onMessage = counterFunction((command) => command.amount === BAD && held.push(command) > 0);
  const { grpc } = await startWorld(t, { spec: counterSpec(), onMessage });
  const open = statusOf(grpc.call(ADD, { id: "a", amount: BAD }));
  await until("the command is with the user function", () => held.length === 1);
  const waiting = [1, 2].map((amount) => statusOf(grpc.call(ADD, { id: "a", amount })));
  // All calls share one connection. When a later call, to another entity, is answered, these two wait inside the
  // proxy.
  await grpc.call(ADD, { id: "b", amount: 1 });
  held[0]?.stream.complete();
  t.deepEqual(await open, { code: status.UNKNOWN, text: "Unexpected entity termination" });
  for (const answer of await Promise.all(waiting)) {
    t.deepEqual(answer, { code: status.UNKNOWN, text: "Entity terminated" });
  }
  t.is(counterAmount(await grpc.call(ADD, { id: "a", amount: 1 })), 1);
});

test("a user function that dies mid-command: the caller gets the text, and its successor goes on", async (t) => {
  const script = { spec: counterSpec(), onMessage: counterFunction(({ amount }) => amount === BAD) };
  const { http, grpc, ready, readyz, userFunction } = await startWorld(t, script);
  await grpc.call(ADD, { id: "a", amount: 2 });
  const overHttp = http.call(ADD_PATH, { body: { id: "a", amount: BAD } });
  const overGrpc = statusOf(grpc.call(ADD, { id: "b", amount: BAD }));
  await until("both commands are there", () => {
    const received = userFunction.streams.flatMap((stream) => stream.received);
    return received.filter(({ message }) => message.case === "command").length === 3;
  });
  userFunction.kill();
  const text = "Unexpected entity termination";
  t.like(await overHttp, { status: 500, body: text });
  t.deepEqual(await overGrpc, { code: status.UNKNOWN, text });
  await until("the loss is noticed", async () => (await readyz()).status === 503);

  const successor = await startScriptedUserFunction({ ...script, port: userFunction.port });
  t.teardown(() => successor.kill());
  await ready();
  t.is(counterAmount(await grpc.call(ADD, { id: "a", amount: 1 })), 3);
});

test("a user function that does not answer: the relay time-out is told, and the entity is activated again", async (t) => {
  const script = { spec: counterSpec(), onMessage: counterFunction(({ amount }) => amount === BAD) };
  const { http, grpc } = await startWorld(t, script, { PERDURE_RELAY_TIMEOUT_MS: "2000" });
  const text = "the user function did not answer counter/a within 2000 ms";
  const overHttp = await http.call(ADD_PATH, { body: { id: "a", amount: BAD } });
  t.like(overHttp, { status: 504, body: text, errorCode: "RELAY_TIMEOUT" });
  t.deepEqual(await statusOf(grpc.call(ADD, { id: "a", amount: BAD })), {
    code: status.DEADLINE_EXCEEDED,
    text,
  });
  t.is(counterAmount(await grpc.call(ADD, { id: "a", amount: 1 })), 1);
});
