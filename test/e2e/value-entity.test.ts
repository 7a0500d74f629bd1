// SPDX-License-Identifier: Apache-2.0

import { status } from "@grpc/grpc-js";
import test from "ava";

import { counterSpec } from "../lib/counter.ts";
import { counterAmount, counterFunction } from "../lib/counter-function.ts";
import { statusOf } from "../lib/grpc-caller.ts";
import type { LocalProxy } from "../lib/local-proxy.ts";
import { startLocalProxy, startWorld } from "../lib/local-proxy.ts";
import { durableLogKinds, logKinds } from "../lib/log-kinds.ts";
import { natsSerialTest } from "../lib/nats/nats-test.ts";
import { startNatsServer } from "../lib/nats/server.ts";
import type { RegisterCommand, ValueOut } from "../lib/register.ts";
import {
  ADD,
  CLEAR,
  DELETE,
  GET,
  registerFunction,
  registerReply,
  registerSpec,
  updateTo,
} from "../lib/register.ts";
import { startScriptedUserFunction } from "../lib/scripted-user-function.ts";
import { until } from "../lib/until.ts";

const ADD_PATH = "/perdure.test.Register/Add";

/** A command with this amount makes the user function misbehave. */
const BAD = 13;

const add = async ({ grpc }: LocalProxy, id: string, amount: number) =>
  counterAmount(await grpc.call(ADD, { id, amount }));
const get = async ({ grpc }: LocalProxy, id: string) => counterAmount(await grpc.call(GET, { id }));

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

for (const kind of logKinds) {
  kind.test(`${kind.name}: a value is kept, replaced and deleted, and outlives passivation`, async (t) => {
    const { address } = await kind.open(t);
    const script = { spec: registerSpec(), onValueMessage: registerFunction() };
    const env = { PERDURE_LOG: address, PERDURE_PASSIVATION_TIMEOUT_MS: "1" };
    const world = await startWorld(t, script, env);
    const { userFunction, grpc } = world;
    const passivated = async (streams: number): Promise<void> => {
      t.is(userFunction.valueStreams.length, streams);
      await userFunction.valueStreams.at(-1)?.ended;
    };
    t.is(await get(world, "a"), 0);
    await passivated(1);
    t.is(await add(world, "a", 2), 2);
    await passivated(2);
    t.is(await add(world, "a", 3), 5);
    await passivated(3);
    t.is(await get(world, "a"), 5);
    await passivated(4);
    t.is(counterAmount(await grpc.call(CLEAR, { id: "a" })), 0);
    await passivated(5);
    t.is(await get(world, "a"), 0);
    t.is(await get(world, "b"), 0);
    await passivated(7);
    t.is(await add(world, "a", 1), 1, "what was deleted can be written again");
    const [init] = userFunction.valueStreams[5]?.received ?? [];
    t.like(init?.message, { case: "init", value: { entityId: "a", state: { value: undefined } } });
  });
}

for (const kind of durableLogKinds) {
  kind.test(`${kind.name}: a value outlives its proxy and a crash of its log`, async (t) => {
    const log = await kind.open(t);
    const script = { spec: registerSpec(), onValueMessage: registerFunction() };
    const first = await startWorld(t, script, { PERDURE_LOG: log.address });
    for (let i = 1; i <= 5; i++) t.is(await add(first, "a", 1), i);
    await add(first, "gone", 1);
    await first.grpc.call(CLEAR, { id: "gone" });
    await first.proxy.stop();
    await log.crash();
    const second = await startWorld(t, script, { PERDURE_LOG: log.address });
    t.is(await get(second, "a"), 5);
    t.is(await get(second, "gone"), 0);
  });
}

natsSerialTest("I3: two proxies that both hold a value lose no update to each other", async (t) => {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const script = { spec: registerSpec(), onValueMessage: registerFunction() };
  const userFunction = await startScriptedUserFunction(script);
  t.teardown(() => userFunction.kill());
  const env = { PERDURE_LOG: `${server.url}/rivals`, PERDURE_MAX_CONFLICT_RETRIES: "1000" };
  const rivals = [
    await startLocalProxy(t, userFunction.port, env),
    await startLocalProxy(t, userFunction.port, env),
  ];
  await Promise.all(rivals.map((rival) => rival.ready()));
  const answers = await Promise.all(rivals.flatMap((rival) => range(20).map(() => add(rival, "a", 1))));
  t.deepEqual(
    answers.toSorted((a, b) => a - b),
    range(40).map((i) => i + 1),
  );
});

interface Misbehaviour {
  readonly title: string;
  readonly act: (command: RegisterCommand) => ValueOut | Uint8Array | undefined;
  /** The error text that the caller gets. These are Cloudstate's texts for value entities. */
  readonly text: string;
  readonly grpcStatus?: status;
  /** What the user function gets by `reportError`; undefined if it gets nothing. */
  readonly report: RegExp | undefined;
}

const MISBEHAVIOURS: readonly Misbehaviour[] = [
  {
    title: "a reply to another command",
    act: ({ commandId }) => registerReply(commandId + 1n, 1, updateTo(99)),
    text: "Unexpected Value entity reply",
    report: /reply to command \d+, but command \d+ is open/,
  },
  {
    title: "an empty message",
    act: () => ({}),
    text: "Unexpected Value entity failure",
    report: /empty message/,
  },
  {
    title: "garbage",
    act: () => Buffer.from("this is no message"),
    text: "Unexpected Value entity failure",
    report: /not a message ValueEntityStreamOut/,
  },
  {
    title: "a failure of the whole stream",
    act: ({ commandId }) => ({
      message: { case: "failure", value: { commandId, description: "I am lost" } },
    }),
    text: "Unexpected Value entity failure",
    report: /I am lost/,
  },
  {
    title: "the stream's end",
    act: ({ stream }) => {
      stream.complete();
      return undefined;
    },
    text: "Unexpected Value entity termination",
    report: undefined,
  },
  {
    title: "an update without a value",
    act: ({ commandId }) => registerReply(commandId, 1, { action: { case: "update", value: {} } }),
    text: "an update needs a value",
    grpcStatus: status.INTERNAL,
    report: /an update needs a value/,
  },
  {
    title: "a state action that is neither update nor delete",
    act: ({ commandId }) => registerReply(commandId, 1, { action: { case: undefined } }),
    text: "a state action is an update or a delete",
    grpcStatus: status.INTERNAL,
    report: /a state action is an update or a delete/,
  },
  {
    title: "a failure that comes with a new value",
    act: ({ commandId }) => {
      const failure = { commandId, description: "refused", restart: false };
      const clientAction = { action: { case: "failure" as const, value: failure } };
      return { message: { case: "reply", value: { commandId, clientAction, stateAction: DELETE } } };
    },
    text: "refused",
    report: undefined,
  },
];

for (const { title, act, text, grpcStatus = status.UNKNOWN, report } of MISBEHAVIOURS) {
  test(`${title}: the caller gets the text, and nothing of the answer is kept`, async (t) => {
    const onValueMessage = registerFunction((command) => {
      if (command.amount !== BAD) return false;
      const said = act(command);
      if (said instanceof Uint8Array) command.stream.sendBytes(said);
      else if (said !== undefined) command.stream.send(said);
      return true;
    });
    const world = await startWorld(t, { spec: registerSpec(), onValueMessage });
    const { reports } = world.userFunction;
    t.is(await add(world, "other", 1), 1);
    t.is(await add(world, "a", 2), 2);

    t.like(await world.http.call(ADD_PATH, { body: { id: "a", amount: BAD } }), { status: 500, body: text });
    t.is(await add(world, "a", 1), 3, "the entity is activated again, on the value before");
    t.deepEqual(await statusOf(world.grpc.call(ADD, { id: "a", amount: BAD })), { code: grpcStatus, text });
    t.is(await get(world, "a"), 3);
    t.is(await add(world, "other", 1), 2);
    if (report === undefined) t.deepEqual(reports, []);
    else {
      await until("both are reported", () => reports.length === 2);
      for (const line of reports) t.regex(line, report);
    }
  });
}

for (const kind of durableLogKinds) {
  kind.test(
    `${kind.name}: I6: a service that has become of another kind does not read what it finds`,
    async (t) => {
      const { address } = await kind.open(t);
      const counter = { spec: counterSpec(), onMessage: counterFunction() };
      const before = await startWorld(t, counter, { PERDURE_LOG: address });
      await before.http.call("/perdure.test.Counter/Add", { body: { id: "a", amount: 1 } });
      await before.proxy.stop();

      const { entities, ...spec } = registerSpec();
      const values = entities
        .filter(({ persistenceId }) => persistenceId === "register")
        .map((entity) => ({ ...entity, persistenceId: "counter" }));
      const script = { spec: { ...spec, entities: values }, onValueMessage: registerFunction() };
      const after = await startWorld(t, script, { PERDURE_LOG: address });
      const answer = await after.http.call(ADD_PATH, { body: { id: "a", amount: 1 } });
      t.like(answer, { status: 500, errorCode: "HISTORY_OF_OTHER_KIND" });
      t.is(await add(after, "b", 1), 1, "an entity without a history is served");
    },
  );
}
