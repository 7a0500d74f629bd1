// SPDX-License-Identifier: Apache-2.0

/** Shows that a new kind of service needs a runtime and its registration, and no edit anywhere else. */

import test from "ava";

import { systemClock, systemRandom } from "../base/mod.ts";
import { callerlessCall } from "../call/mod.ts";
import { startEndpoint } from "../endpoint/mod.ts";
import { connect } from "../grpc/mod.ts";
import { NO_METADATA } from "../protocol/mod.ts";
import { NO_TELEMETRY } from "../telemetry/mod.ts";
import type { ServiceKind } from "../userfunction/mod.ts";
import {
  DEFAULT_USER_FUNCTION_OPTIONS,
  Served,
  statelessService,
  UserFunction,
} from "../userfunction/mod.ts";

import { plenty } from "../../test/lib/plenty.ts";
import { startScriptedUserFunction } from "../../test/lib/scripted-user-function.ts";
import { line, lineAny, TALKS_SERVICE, talksSpec, textOf } from "../../test/lib/talks.ts";
import { until } from "../../test/lib/until.ts";
import { Router } from "./router.ts";
import type { ServiceRuntime } from "./service-runtime.ts";
import { ServiceRuntimes } from "./service-runtimes.ts";

/** A kind of service that the proxy answers itself, with what it was sent. */
const ECHO: ServiceKind = {
  name: "echo",
  protocol: "perdure.test.Echo",
  check: (announced) => ({ service: statelessService("echo", announced), unserved: [] }),
};

const echoes: ServiceRuntime = {
  kinds: [ECHO],
  unary: async ({ payload }) => echo(payload),
  async *streamed({ input }) {
    for await (const payload of input) yield echo(payload);
  },
};

function echo(payload: Uint8Array) {
  const { typeUrl } = lineAny("");
  return { kind: "reply" as const, typeUrl, payload, metadata: NO_METADATA, effects: [] };
}

test("a kind of service that is registered twice ends the start", (t) => {
  t.notThrows(() => new ServiceRuntimes(echoes, { ...echoes, kinds: [{ ...ECHO, name: "other" }] }));
  const message = /one runtime carries out the kind of service echo, and not two/;
  t.throws(() => new ServiceRuntimes(echoes, { ...echoes }), { name: "AssertionFailure", message });
  t.throws(() => new ServiceRuntimes({ ...echoes, kinds: [ECHO, ECHO] }), { message });
});

test("a kind of service that is registered is discovered, validated and routed", async (t) => {
  const spec = talksSpec();
  const entities = spec.entities
    .filter(({ serviceName }) => serviceName === TALKS_SERVICE)
    .map((entity) => ({ ...entity, entityType: ECHO.protocol }));
  const scripted = await startScriptedUserFunction({ spec: { ...spec, entities } });
  t.teardown(() => scripted.kill());

  const shared = { clock: systemClock, random: systemRandom, telemetry: NO_TELEMETRY };
  const served = new Served();
  const userFunction = new UserFunction({
    ...shared,
    options: { ...DEFAULT_USER_FUNCTION_OPTIONS, userFunctionPort: scripted.port },
    memory: plenty(),
    proxyName: "perdure",
    proxyVersion: "1",
    checkSpec: () => [],
    makeRoom: () => false,
    onSpec: served.set,
    onRejected: (errors) => t.fail(errors.join()),
  });
  const runtimes = new ServiceRuntimes(echoes);
  const router = new Router({
    ...shared,
    runtimes,
    served: () => served.spec,
    reportError: (text) => t.fail(text),
    effectMemory: plenty(),
    options: { maxForwardDepth: 1, maxDescendants: 1, maxOpenEffects: 1, maxEffectTries: 1 },
  });
  const endpoint = await startEndpoint(
    { httpHost: "127.0.0.1", httpPort: 0 },
    { ...shared, dispatch: router },
  );
  served.subscribe((found) => endpoint.setSpec(found));
  t.teardown(async () => {
    await endpoint.close(0);
    await userFunction.stop();
  });

  userFunction.start(runtimes.kinds);
  await until("it is served", () => served.spec !== undefined);
  t.deepEqual(scripted.discoveries[0]?.supportedEntityTypes, ["perdure.test.Echo"]);
  t.is(served.spec?.services.get(TALKS_SERVICE)?.kind, "echo");

  const caller = await connect({ host: "127.0.0.1", port: endpoint.port, clock: systemClock });
  t.teardown(() => caller.destroy());
  const { message } = await caller.unary(`/${TALKS_SERVICE}/Say`, line("hello"), {});
  t.is(textOf(message), "hello");

  const method = served.spec!.services.get(TALKS_SERVICE)!.methods.get("Chat")!;
  const input = (async function* () {
    yield line("one");
    yield line("two");
  })();
  const call = callerlessCall(plenty().charge());
  const replies: string[] = [];
  for await (const { payload } of router.streamed({ method, input, call })) replies.push(textOf(payload));
  t.deepEqual(replies, ["one", "two"]);
});
