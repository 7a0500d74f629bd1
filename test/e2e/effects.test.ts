// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";
import test from "ava";

import { counterSpec } from "../lib/counter.ts";
import type { CounterCommand } from "../lib/counter-function.ts";
import { ADD, addOne, counterAmount, counterFunction, counterReply, GET } from "../lib/counter-function.ts";
import type { LocalProxy } from "../lib/local-proxy.ts";
import { startLocalProxy } from "../lib/local-proxy.ts";
import type { ScriptedUserFunction } from "../lib/scripted-user-function.ts";
import { startScriptedUserFunction } from "../lib/scripted-user-function.ts";
import { until } from "../lib/until.ts";

/**
 * Adds to the entity `source`, with a side effect that adds one to the entity `target`. Other commands are left
 * alone.
 */
function source(command: CounterCommand): boolean {
  const { entityId, name, commandId, amount, total, stream } = command;
  if (entityId !== "source" || name !== "Add") return false;
  stream.send(counterReply(commandId, total + amount, [amount], [addOne("target")]));
  return true;
}

function startCounter(
  t: ExecutionContext,
  script: (command: CounterCommand) => boolean = source,
  port = 0,
): Promise<ScriptedUserFunction> {
  const started = startScriptedUserFunction({
    spec: counterSpec(),
    port,
    onMessage: counterFunction(script),
  });
  t.teardown(async () => (await started).kill());
  return started;
}

async function totalOf({ grpc }: LocalProxy, id: string): Promise<number> {
  return counterAmount(await grpc.call(GET, { id, amount: 0 }));
}

test("an effect that the user function did not live to see is carried out when it is back", async (t) => {
  let kill = (): void => undefined;
  const first = await startCounter(t, (command) => {
    if (command.entityId !== "target") return source(command);
    kill();
    return true;
  });
  kill = () => first.kill();
  const local = await startLocalProxy(t, first.port, { PERDURE_MAX_EFFECT_TRIES: "1" });
  await local.ready();
  await local.grpc.call(ADD, { id: "source", amount: 5 });
  await until("the user function is gone", async () => (await local.readyz()).status !== 200);

  const second = await startCounter(t, source, first.port);
  await until("the effect has happened", () =>
    second.streams.some(({ received }) =>
      received.some(({ message }) => message.case === "command" && message.value.entityId === "target"),
    ),
  );
  t.is(await totalOf(local, "target"), 1);
  t.is(await totalOf(local, "source"), 5);
});

test("effects of entities that leave memory at once still happen once", async (t) => {
  const userFunction = await startCounter(t);
  const local = await startLocalProxy(t, userFunction.port, { PERDURE_PASSIVATION_TIMEOUT_MS: "1" });
  await local.ready();
  for (let count = 1; count <= 5; count++) {
    await local.grpc.call(ADD, { id: "source", amount: 1 });
    await until("it is there", async () => (await totalOf(local, "target")) === count);
  }
  t.is(await totalOf(local, "target"), 5);
});
