// SPDX-License-Identifier: Apache-2.0

import { toBinary } from "@bufbuild/protobuf";
import type { ExecutionContext } from "ava";
import test from "ava";

import type { LogFields } from "../base/mod.ts";
import { freePort, silentLogger, systemClock, systemRandom } from "../base/mod.ts";
import { seededRandom } from "../base/test-doubles/mod.ts";
import { ENTITY_KINDS } from "../entity/mod.ts";
import { Status } from "../grpc/mod.ts";
import { EntitySpecSchema, EventSourced } from "../protocol/mod.ts";
import { logsOnly, NO_TELEMETRY } from "../telemetry/mod.ts";

import { COUNTER_SERVICE, counterSpec } from "../../test/lib/counter.ts";
import { plenty } from "../../test/lib/plenty.ts";
import { startScriptedUserFunction } from "../../test/lib/scripted-user-function.ts";
import { until } from "../../test/lib/until.ts";
import type { UserFunctionOptions } from "./options.ts";
import { DEFAULT_USER_FUNCTION_OPTIONS } from "./options.ts";
import type { UserFunctionSpec } from "./spec.ts";
import type { UserFunctionDependencies } from "./user-function.ts";
import { UserFunction } from "./user-function.ts";

interface Seen {
  readonly userFunction: UserFunction;
  /** Services of each spec in turn; undefined where serving ended. */
  readonly specs: (readonly string[] | undefined)[];
  readonly rejections: (readonly string[])[];
}

function look(
  t: ExecutionContext,
  port: number,
  options: Partial<UserFunctionOptions> = {},
  checkSpec: UserFunctionDependencies["checkSpec"] = () => [],
  others: Partial<UserFunctionDependencies> = {},
): Seen {
  const specs: Seen["specs"] = [];
  const rejections: Seen["rejections"] = [];
  const userFunction = new UserFunction({
    options: {
      ...DEFAULT_USER_FUNCTION_OPTIONS,
      userFunctionPort: port,
      backoffMinMs: 5,
      backoffMaxMs: 20,
      ...options,
    },
    clock: systemClock,
    random: seededRandom(1),
    telemetry: NO_TELEMETRY,
    memory: plenty(),
    proxyName: "perdure",
    proxyVersion: "1.2.3",
    checkSpec,
    makeRoom: () => false,
    onSpec: (spec: UserFunctionSpec | undefined) => specs.push(spec && [...spec.services.keys()]),
    onRejected: (errors) => rejections.push(errors),
    ...others,
  });
  userFunction.start(ENTITY_KINDS.filter(({ name }) => name === "event-sourced"));
  t.teardown(() => userFunction.stop());
  return { userFunction, specs, rejections };
}

/** A port on which a server has listened, and none does now. */
test("discovery says who the proxy is and what it serves, and what comes back is served", async (t) => {
  const served = await startScriptedUserFunction({ spec: counterSpec() });
  t.teardown(() => served.kill());
  const { specs, userFunction } = look(t, served.port);
  await until("it is served", () => specs.length === 1);
  t.deepEqual(specs, [[COUNTER_SERVICE]]);
  t.is(userFunction.status.kind, "serving");
  t.like(served.discoveries[0], {
    protocolMajorVersion: 0,
    protocolMinorVersion: 2,
    proxyName: "perdure",
    proxyVersion: "1.2.3",
    supportedEntityTypes: [EventSourced.typeName],
  });
});

test("a user function that is not up yet is found when it is", async (t) => {
  const port = await freePort("127.0.0.1", systemRandom);
  const { specs, userFunction } = look(t, port);
  t.throws(() => userFunction.open("/a/b", { onMessage: () => undefined, onEnd: () => undefined }), {
    code: "USER_FUNCTION_UNAVAILABLE",
  });
  const served = await startScriptedUserFunction({ spec: counterSpec(), port });
  t.teardown(() => served.kill());
  await until("it is served", () => specs.length === 1);
  t.is(served.discoveries.length, 1);
});

test("one discover per connection: a user function that comes back, changed, is asked anew", async (t) => {
  const first = await startScriptedUserFunction({ spec: counterSpec() });
  const { specs } = look(t, first.port);
  await until("it is served", () => specs.length === 1);
  first.kill();
  await until("it is missed", () => specs.length === 2);
  const second = await startScriptedUserFunction({ spec: counterSpec(), port: first.port });
  t.teardown(() => second.kill());
  await until("it is served again", () => specs.length === 3);
  t.deepEqual(specs, [[COUNTER_SERVICE], undefined, [COUNTER_SERVICE]]);
  t.is(first.discoveries.length, 1);
  t.is(second.discoveries.length, 1);
});

test("a wrong spec is reported error by error, not retried, and a corrected user function is served", async (t) => {
  const wrong = await startScriptedUserFunction({ spec: counterSpec({ entities: [] }) });
  const { specs, rejections, userFunction } = look(t, wrong.port);
  await until("it is told", () => wrong.reports.length === 1);
  t.regex(wrong.reports[0] ?? "", /announces no entities/);
  t.deepEqual(rejections, [wrong.reports]);
  t.like(userFunction.status, { kind: "rejected", errors: wrong.reports });
  t.is(wrong.discoveries.length, 1);
  wrong.kill();
  const right = await startScriptedUserFunction({ spec: counterSpec(), port: wrong.port });
  t.teardown(() => right.kill());
  await until("it is served", () => specs.length === 1);
});

test("another protocol version is refused and reported, or only warned about where the check is off", async (t) => {
  const serviceInfo = { ...counterSpec().serviceInfo!, protocolMinorVersion: 1 };
  const served = await startScriptedUserFunction({ spec: counterSpec({ serviceInfo }) });
  t.teardown(() => served.kill());
  look(t, served.port);
  await until("it is told", () => served.reports.length === 1);
  t.regex(served.reports[0] ?? "", /speaks protocol 0\.1, this proxy speaks 0\.2/);
  const { specs } = look(t, served.port, { protocolCheck: false });
  await until("it is served", () => specs.length === 1);
});

test("what the caller of the folder finds wrong is reported, and the rest served", async (t) => {
  const served = await startScriptedUserFunction({ spec: counterSpec() });
  t.teardown(() => served.kill());
  const part = { what: "http", service: COUNTER_SERVICE, method: "Add" } as const;
  const unserved = ["a path is wrong", "another is too"].map((reason) => ({ ...part, reason }));
  const { specs, rejections, userFunction } = look(t, served.port, {}, () => unserved);
  await until("all is told", () => served.reports.length === 2);
  t.deepEqual(served.reports, ["a path is wrong", "another is too"]);
  t.deepEqual([specs, rejections], [[[COUNTER_SERVICE]], []]);
  t.like(userFunction.status, { kind: "serving", unserved });
});

test("of very many parts that are not served the first are reported, and how many more there are", async (t) => {
  const served = await startScriptedUserFunction({ spec: counterSpec() });
  t.teardown(() => served.kill());
  const part = { what: "http", service: COUNTER_SERVICE, method: "Add" } as const;
  const unserved = Array.from({ length: 60 }, (_, i) => ({ ...part, reason: `wrong ${i}` }));
  look(t, served.port, {}, () => unserved);
  await until("all is told", () => served.reports.length === 51);
  t.is(served.reports.at(-1), "and 10 more, of which the proxy's log tells");
});

test("callers are told apart: not there yet, and refused", async (t) => {
  const wrong = await startScriptedUserFunction({ spec: counterSpec({ entities: [] }) });
  const { userFunction } = look(t, wrong.port);
  t.is(userFunction.absence.code, "USER_FUNCTION_UNAVAILABLE");
  await until("it is told", () => wrong.reports.length === 1);
  t.like(userFunction.absence, {
    code: "USER_FUNCTION_REFUSED",
    status: Status.UNIMPLEMENTED,
    message: "refused: the user function announces no entities",
  });
  t.throws(() => userFunction.open("/a/b", { onMessage: () => undefined, onEnd: () => undefined }), {
    code: "USER_FUNCTION_REFUSED",
  });
  wrong.kill();
  await until("it is missed", () => userFunction.absence.code === "USER_FUNCTION_UNAVAILABLE");
});

test("I12: garbage for an answer to discovery is tried again, with a connection of its own", async (t) => {
  const served = await startScriptedUserFunction({
    spec: counterSpec(),
    discoveryBytes: Buffer.from("garbage"),
  });
  t.teardown(() => served.kill());
  const { specs } = look(t, served.port);
  await until("it is asked again", () => served.discoveries.length > 1);
  t.deepEqual(specs, []);
});

/** Specs with more fields than they may have: two bytes each. */
const FLOODS = {
  "in its announcement": () =>
    Buffer.concat([
      toBinary(EntitySpecSchema, counterSpec()),
      Buffer.alloc(100_000, Buffer.of(8 * EntitySpecSchema.field.entities.number + 2, 0)),
    ]),
  "in its descriptors": () =>
    toBinary(EntitySpecSchema, {
      ...counterSpec(),
      proto: Buffer.concat([counterSpec().proto, Buffer.alloc(100_000, Buffer.of(0x0a, 0))]),
    }),
};

for (const [place, discoveryBytes] of Object.entries(FLOODS)) {
  test(`(I11) a user function with too many fields ${place} is refused and told, and the proxy stays up`, async (t) => {
    const served = await startScriptedUserFunction({ spec: counterSpec(), discoveryBytes: discoveryBytes() });
    t.teardown(() => served.kill());
    const { rejections, userFunction } = look(t, served.port, { maxMessageFields: 40_000 });
    await until("it is told", () => served.reports.length === 1);
    t.regex(served.reports[0] ?? "", /message has more than 40000 fields/);
    t.deepEqual(rejections, [served.reports]);
    t.is(userFunction.status.kind, "rejected");
    t.is(served.discoveries.length, 1);
  });
}

test("reportError arrives, never fails, and is silent while nobody is there", async (t) => {
  const served = await startScriptedUserFunction({ spec: counterSpec() });
  const { specs, userFunction } = look(t, served.port);
  userFunction.reportError("too early");
  await until("it is served", () => specs.length === 1);
  userFunction.reportError("wrong reply");
  await until("it arrives", () => served.reports.length === 1);
  t.deepEqual(served.reports, ["wrong reply"]);
  served.kill();
  await until("it is missed", () => specs.length === 2);
  t.notThrows(() => userFunction.reportError("too late"));
});

test("why it is not there is said when the reason changes and again half a minute later, and not at each try (5)", async (t) => {
  const port = await freePort("127.0.0.1", systemRandom);
  const said: string[] = [];
  const tries: string[] = [];
  const logger = {
    ...silentLogger,
    info: (_message: string, fields?: LogFields) => void said.push(String(fields?.["error"])),
    debug: (_message: string, fields?: LogFields) => void tries.push(String(fields?.["error"])),
  };
  let aheadMs = 0;
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs };
  const { userFunction } = look(t, port, {}, () => [], { telemetry: logsOnly(logger), clock });
  await until("it was looked for a few times", () => tries.length >= 5);
  const reason = `nothing listens on 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`;
  t.deepEqual(said, [reason]);
  t.deepEqual(userFunction.status, { kind: "connecting", problem: reason, code: "CONNECT_REFUSED" });
  aheadMs = 30_000;
  await until("it is said again", () => said.length > 1);
  tries.length = 0;
  await until("it was looked for again", () => tries.length >= 5);
  t.deepEqual(said, [reason, reason]);
});

test("stop ends the search at once", async (t) => {
  const { userFunction } = look(t, await freePort("127.0.0.1", systemRandom), {
    backoffMinMs: 60_000,
    backoffMaxMs: 60_000,
  });
  await userFunction.stop();
  t.is(userFunction.status.kind, "connecting");
});

test("stop while the connection is being made ends it too", async (t) => {
  const served = await startScriptedUserFunction({ spec: counterSpec() });
  t.teardown(() => served.kill());
  const { userFunction, specs } = look(t, served.port);
  await userFunction.stop();
  t.deepEqual(specs, []);
  t.deepEqual(served.discoveries, []);
});

test("stop while it is served ends the connection and says so", async (t) => {
  const served = await startScriptedUserFunction({ spec: counterSpec() });
  t.teardown(() => served.kill());
  const { userFunction, specs } = look(t, served.port);
  await until("it is served", () => specs.length === 1);
  await userFunction.stop();
  t.deepEqual(specs, [[COUNTER_SERVICE], undefined]);
});
