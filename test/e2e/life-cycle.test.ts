// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { counterSpec } from "../lib/counter.ts";
import type { CounterCommand } from "../lib/counter-function.ts";
import { counterFunction, counterReply } from "../lib/counter-function.ts";
import { httpClient } from "../lib/http-client.ts";
import { durableLogKinds } from "../lib/log-kinds.ts";
import { startProxyProcess } from "../lib/processes.ts";
import { startScriptedUserFunction } from "../lib/scripted-user-function.ts";
import { until } from "../lib/until.ts";

const ADD = "/perdure.test.Counter/Add";
const GET = "/perdure.test.Counter/Get";

for (const kind of durableLogKinds) {
  kind.test(`${kind.name}: SIGTERM lets commands in flight be answered, and ends with code 0`, async (t) => {
    const held: CounterCommand[] = [];
    const onMessage = counterFunction((command) => command.entityId === "slow" && held.push(command) > 0);
    const userFunction = await startScriptedUserFunction({ spec: counterSpec(), onMessage });
    t.teardown(() => userFunction.kill());
    const { address: log } = await kind.open(t);
    const proxy = await startProxyProcess(t, { USER_FUNCTION_PORT: userFunction.port, PERDURE_LOG: log });
    await proxy.ready();
    const http = httpClient(proxy.port);
    t.teardown(() => http.close());

    const inFlight = http.call(ADD, { body: { id: "slow", amount: 2 } });
    await until("the command is with the user function", () => held.length === 1);
    const exited = proxy.kill("SIGTERM");
    await proxy.line("stopping", (line) => (line.includes('"stopping"') ? true : undefined));
    const late = httpClient(proxy.port);
    t.teardown(() => late.close());
    await until("new connections are refused", () =>
      late.call(GET, { body: { id: "a" } }).then(
        () => false,
        (error: NodeJS.ErrnoException) => error.code === "ECONNREFUSED",
      ),
    );

    const [command] = held;
    command?.stream.send(counterReply(command.commandId, 2, [2]));
    t.like(await inFlight, { status: 200, body: '{"id":"","amount":2}' });
    t.deepEqual(await exited, { code: 0, signal: null });

    const again = await startProxyProcess(t, { USER_FUNCTION_PORT: userFunction.port, PERDURE_LOG: log });
    await again.ready();
    const after = httpClient(again.port);
    t.teardown(() => after.close());
    const total = after.call(GET, { body: { id: "slow" } });
    await until("the next command is with the user function", () => held.length === 2);
    const [, next] = held;
    next?.stream.send(counterReply(next.commandId, next.total));
    t.like(await total, { status: 200, body: '{"id":"","amount":2}' });
  });
}

test.serial("a user function that comes back is discovered anew, once per connection", async (t) => {
  const script = { spec: counterSpec(), onMessage: counterFunction() };
  const first = await startScriptedUserFunction(script);
  t.teardown(() => first.kill());
  const proxy = await startProxyProcess(t, { USER_FUNCTION_PORT: first.port, PERDURE_LOG: "memory:" });
  await proxy.ready();
  const http = httpClient(proxy.port);
  const admin = httpClient(proxy.adminPort);
  t.teardown(() => {
    http.close();
    admin.close();
  });
  for (const total of [1, 2, 3]) {
    t.like(await http.call(ADD, { body: { id: "a", amount: 1 } }), { body: `{"id":"","amount":${total}}` });
  }
  t.is(first.discoveries.length, 1);
  t.like(first.discoveries[0], {
    protocolMajorVersion: 0,
    protocolMinorVersion: 2,
    supportedEntityTypes: ["cloudstate.eventsourced.EventSourced"],
  });

  first.kill();
  await until("the loss is noticed", async () => (await admin.call("/readyz")).status === 503);
  t.like(await http.call(GET, { body: { id: "a" } }), {
    status: 503,
    errorCode: "USER_FUNCTION_UNAVAILABLE",
  });

  const second = await startScriptedUserFunction({ ...script, port: first.port });
  t.teardown(() => second.kill());
  await until("it is found again", async () => (await admin.call("/readyz")).status === 200);
  t.like(await http.call(GET, { body: { id: "a" } }), { status: 200, body: '{"id":"","amount":3}' });
  t.is(second.discoveries.length, 1);
  t.is(first.discoveries.length, 1);
});
