// SPDX-License-Identifier: Apache-2.0

/** What the dashboards and alerts of `config/monitoring` ask for is what a proxy tells, with the same labels. */

import { CLUSTER_METRICS } from "../../pkg/cluster/mod.ts";
import { messageTypeUrl } from "../../pkg/protocol/mod.ts";

import { COUNTER_REQUEST, COUNTER_SERVICE, counterRequest } from "../../test/lib/counter.ts";
import { grpcCaller } from "../../test/lib/grpc-caller.ts";
import { httpClient } from "../../test/lib/http-client.ts";
import { logKinds } from "../../test/lib/log-kinds.ts";
import { readPrometheus } from "../../test/lib/metrics-text.ts";
import { natsTest } from "../../test/lib/nats/nats-test.ts";
import { startNatsServer } from "../../test/lib/nats/server.ts";
import { startOtlpReceiver } from "../../test/lib/otlp-receiver.ts";
import { startProxyProcess } from "../../test/lib/processes.ts";
import type { Script, StreamOut } from "../../test/lib/scripted-user-function.ts";
import { startScriptedUserFunction } from "../../test/lib/scripted-user-function.ts";
import { lineReply, TALKS_SERVICE, talksSpec } from "../../test/lib/talks.ts";
import { until } from "../../test/lib/until.ts";
import { problemsOf, samplesTold } from "./expression.ts";
import { expressions } from "./queries.ts";

const ADD = `/${COUNTER_SERVICE}/Add`;

const EVENT = { typeUrl: messageTypeUrl(COUNTER_REQUEST), value: counterRequest("a", 1) };
const REPLY = { action: { case: "reply", value: { payload: EVENT } } };
const FAILURE = { action: { case: "failure", value: { description: "no" } } };

/** Its events are larger than the log takes. */
const LARGE = "large";
const MAX_RECORD_BYTES = 4_096;
const LARGE_EVENT = { ...EVENT, value: new Uint8Array(MAX_RECORD_BYTES) };

/** What the alert on conflicts asks for. One process at a time writes to a file, so nothing of SQLite has it. */
const NO_CONFLICT = 'no perdure_log_failures_total has code="APPEND_CONFLICT"';

/** An entity that fails each `Get`, and stores an event and a snapshot for each `Add`; and an action. */
const SCRIPT: Script = {
  spec: talksSpec(),
  onMessage({ message }, stream) {
    if (message.case !== "command") return;
    const { id: commandId, name, entityId } = message.value;
    const events = [entityId === LARGE ? LARGE_EVENT : EVENT];
    const answer =
      name === "Get" ? { clientAction: FAILURE } : { clientAction: REPLY, events, snapshot: EVENT };
    stream.send({ message: { case: "reply", value: { commandId, ...answer } } } as StreamOut);
  },
  onAction: (call) => void call.send(lineReply("hello")),
};

/** Whether an expression is about proxies that share their entities: one that is alone tells nothing of it. */
function isOfCluster(expression: string): boolean {
  return Object.values(CLUSTER_METRICS).some(({ name }) => expression.includes(name));
}

for (const kind of logKinds.filter(({ durable }) => durable)) {
  kind.test(
    `${kind.name}: every metric that a dashboard or a rule names is there, with its labels`,
    async (t) => {
      const receiver = await startOtlpReceiver(t);
      const userFunction = await startScriptedUserFunction(SCRIPT);
      t.teardown(() => userFunction.kill());
      const { address } = await kind.open(t);
      const start = async () => {
        const proxy = await startProxyProcess(t, {
          PERDURE_LOG: address,
          // So that two proxies write to one entity.
          PERDURE_CLUSTER: "off",
          PERDURE_MAX_RECORD_BYTES: MAX_RECORD_BYTES,
          USER_FUNCTION_PORT: userFunction.port,
          OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
        });
        await proxy.ready();
        const grpc = grpcCaller(proxy.port);
        t.teardown(() => grpc.close());
        return { ...proxy, grpc };
      };
      const proxy = await start();
      const http = httpClient(proxy.port);
      t.teardown(() => http.close());
      await proxy.grpc.callBytes(ADD, counterRequest("a", 1));
      await proxy.grpc.callBytes(`/${TALKS_SERVICE}/Say`, new Uint8Array());
      t.like(await http.call(`/${COUNTER_SERVICE}/Get`, { body: { id: "a" } }), { status: 500 });
      await t.throwsAsync(proxy.grpc.callBytes(ADD, counterRequest(LARGE, 1)));
      if (kind.name !== "sqlite") {
        // Another proxy writes to the same entity, of which the first one learns by a conflict.
        const rival = await start();
        await rival.grpc.callBytes(ADD, counterRequest("a", 1));
        await proxy.grpc.callBytes(ADD, counterRequest("a", 1));
      }

      const ask = async () => (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text();
      // The delay of the event loop is measured from the first question on.
      await ask();
      const told = samplesTold(readPrometheus(await ask()).values());
      const asked = expressions().filter((expression) => !isOfCluster(expression));
      const problems = asked.flatMap((expression) => problemsOf(expression, told));
      t.deepEqual(problems, kind.name === "sqlite" ? [NO_CONFLICT] : []);
    },
  );
}

natsTest("the same of two proxies that share their entities", async (t) => {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const start = async (name: string) => {
    const userFunction = await startScriptedUserFunction(SCRIPT);
    t.teardown(() => userFunction.kill());
    const proxy = await startProxyProcess(t, {
      PERDURE_LOG: `${server.url}/shop`,
      PERDURE_CLUSTER: "on",
      POD_NAME: name,
      USER_FUNCTION_PORT: userFunction.port,
    });
    await proxy.ready();
    return proxy;
  };
  const first = await start("pod-a");
  const ask = async () =>
    readPrometheus(await (await fetch(`http://127.0.0.1:${first.adminPort}/metrics`)).text());
  const told = async (name: string) => (await ask()).get(name)?.samples[0]?.value ?? 0;
  await until("it has all shards", async () => (await told("perdure_shards_owned")) === 1_024);
  await start("pod-b");
  await until("a part has moved", async () => {
    const [owned, unowned] = [await told("perdure_shards_owned"), await told("perdure_shards_unowned")];
    return owned > 0 && owned < 1_024 && unowned === 0;
  });
  const grpc = grpcCaller(first.port);
  t.teardown(() => grpc.close());
  for (let count = 0; count < 30; count++) await grpc.callBytes(ADD, counterRequest(`counter-${count}`, 1));

  const families = await ask();
  const asked = expressions().filter(isOfCluster);
  t.true(asked.length > 10);
  t.deepEqual(
    asked.flatMap((expression) => problemsOf(expression, samplesTold(families.values()))),
    [],
  );
  const valueOf = (name: string) =>
    [...families.values()].flatMap(({ samples }) => samples).find((sample) => sample.name === name)?.value ??
    0;
  t.is(valueOf("perdure_cluster_member"), 1);
  t.is(valueOf("perdure_cluster_members"), 2);
  t.is(valueOf("perdure_shards_taken_total"), 1_024);
  t.is(valueOf("perdure_shard_handoff_seconds_count"), 1_024 - valueOf("perdure_shards_owned"));
  t.is(valueOf("perdure_shards_lost_total"), 0);
  const forwarded = valueOf("perdure_forwarded_commands_total");
  t.true(forwarded > 0 && forwarded < 30, `${forwarded} of 30`);
  t.is(valueOf("perdure_forwarded_command_seconds_count"), forwarded);
  t.true(valueOf("perdure_cluster_renewal_age_seconds") < 10);
  const accounts = families
    .get("perdure_account_limit_bytes")
    ?.samples.map(({ labels }) => labels["account"]);
  t.true(accounts?.includes("peers"));
});
