// SPDX-License-Identifier: Apache-2.0

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import type { ExecutionContext } from "ava";
import test from "ava";

import type { ServerReflectionResponse } from "../../pkg/protocol/mod.ts";
import {
  ActionProtocol,
  EventSourced,
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "../../pkg/protocol/mod.ts";

import { counterRequest, counterSpec } from "../lib/counter.ts";
import { ADD, addOne, counterAmount, counterFunction, counterReply } from "../lib/counter-function.ts";
import { startLocalProxy, startWorld } from "../lib/local-proxy.ts";
import { partlyServedSpec } from "../lib/partly-served.ts";
import { startScriptedUserFunction } from "../lib/scripted-user-function.ts";
import { line, lineReply, talksSpec } from "../lib/talks.ts";
import type { Refusal } from "../lib/unanswered.ts";
import { grpcWebCall, httpRequest, openGrpcCall, webSocketHandshake } from "../lib/unanswered.ts";
import { until } from "../lib/until.ts";

const CANCELLED = 1;
const UNIMPLEMENTED = 12;
const UNAVAILABLE = 14;

const MESSAGE = counterRequest("a");

/** Every way to call a method, with the refusal that comes back. */
const WAYS: Readonly<Record<string, (t: ExecutionContext, port: number, path: string) => Promise<Refusal>>> =
  {
    gRPC: (t, port, path) => openGrpcCall(t, port, path, [MESSAGE]),
    "a stream of gRPC without a message": (t, port, path) => openGrpcCall(t, port, path, []),
    "a stream of gRPC with two messages": (t, port, path) => openGrpcCall(t, port, path, [MESSAGE, MESSAGE]),
    "gRPC-Web": (_t, port, path) => grpcWebCall(port, path, MESSAGE),
    "a WebSocket": (t, port, path) => webSocketHandshake(t, port, path),
    JSON: (_t, port, path) => httpRequest(port, "POST", path, '{"id":"a"}'),
    "a query": (_t, port, path) => httpRequest(port, "GET", `${path}?id=a`),
  };

const isOfGrpc = (way: string): boolean => way.includes("gRPC");

/** Starts the proxy in front of a user function of which it can serve only a part. */
const startPartly = (t: ExecutionContext) =>
  startWorld(t, {
    spec: partlyServedSpec(),
    onMessage: counterFunction(),
    onAction: (call) => void call.send(lineReply("")),
  });

interface Refused {
  readonly of: string;
  readonly path: string;
  readonly reason: RegExp;
}

const REFUSED: readonly Refused[] = [
  {
    of: "a service of a type that the proxy does not serve",
    path: "/perdure.test.Votes/Cast",
    reason:
      /^refused: service perdure\.test\.Votes is a cloudstate\.crdt\.Crdt, which this proxy does not serve/,
  },
  {
    of: "a method without an entity key",
    path: "/perdure.test.Mixed/Odd",
    reason:
      /^refused: method perdure\.test\.Mixed\.Odd takes perdure\.test\.Keyless, which has no field marked/,
  },
];

for (const { of, path, reason } of REFUSED) {
  for (const [way, ask] of Object.entries(WAYS)) {
    test(`${of} is refused with the reason: ${way}`, async (t) => {
      const { proxy } = await startPartly(t);
      const { status, code, text } = await ask(t, proxy.port, path);
      t.is(status, isOfGrpc(way) ? UNIMPLEMENTED : 501);
      t.is(code, "NOT_SERVED");
      t.regex(text, reason);
    });
  }
}

const RULES = [
  ["of a refused service", "/votes/a"],
  ["of a refused method", "/odd"],
  ["that is wrong itself", "/wrong/a"],
] as const;

for (const [of, path] of RULES) {
  test(`the path of an HTTP rule ${of} is refused with the reason`, async (t) => {
    const { proxy } = await startPartly(t);
    for (const query of ["", "?amount=1"]) {
      const { status, code, text } = await httpRequest(proxy.port, "GET", path + query);
      t.is(status, 501);
      t.is(code, "NOT_SERVED");
      t.regex(text, /^refused: /);
    }
  });
}

test("everything else of such a user function is served: other services, methods, rules", async (t) => {
  const { http, grpc, proxy } = await startPartly(t);
  t.is(counterAmount(await grpc.call(ADD, { id: "a", amount: 3 })), 3);
  const json = await http.call("/perdure.test.Mixed/Add", { body: { id: "b", amount: 4 } });
  t.deepEqual([json.status, json.body], [200, '{"id":"","amount":4}']);
  // Reached by its valid rule, and by gRPC.
  const byRule = await http.call("/mixed/b");
  t.deepEqual([byRule.status, byRule.body], [200, '{"id":"","amount":4}']);
  await grpc.callBytes("/perdure.test.Mixed/Get", counterRequest("b"));
  const { status, text } = await httpRequest(proxy.port, "POST", "/perdure.test.Mixed/Get", '{"id":"b"}');
  t.is(status, 501);
  t.regex(text, /google\.api\.http of perdure\.test\.Mixed\.Get/);
  // This method's events are not delivered, but it can be called.
  await grpc.callBytes("/perdure.test.Listener/Hear", counterRequest("x"));
  t.like(await http.call("/nowhere"), { status: 404, errorCode: "UNKNOWN_PATH" });
  t.like(await http.call("/perdure.test.Nobody/Add", { body: {} }), { status: 404 });
});

test("what is not served is said in the log, to the user function, and in /readyz?verbose of a pod that is ready", async (t) => {
  const { readyz, lines, userFunction } = await startPartly(t);
  const expected = [
    /service perdure\.test\.Votes is a cloudstate\.crdt\.Crdt/,
    /method perdure\.test\.Mixed\.Odd takes/,
    /google\.api\.http of perdure\.test\.Mixed\.Get: .*missing.*; only this rule is not served/,
    /\(cloudstate\.eventing\) of perdure\.test\.Listener\.Hear has no effect/,
  ];
  await until("all is reported", () => userFunction.reports.length === expected.length);
  const { status, body } = await readyz();
  t.is(status, 200);
  const warning = lines.find((text) => text.includes("part of the user function is not served")) ?? "";
  for (const text of expected) {
    t.regex(warning, text);
    t.regex(body, text);
    t.true(userFunction.reports.some((report) => text.test(report)));
  }
});

test("health says of a refused service that it is not serving, and reflection describes it", async (t) => {
  const { grpc, proxy } = await startPartly(t);
  const check = async (service: string): Promise<number> => {
    const request = toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service }));
    const reply = await grpc.callBytes("/grpc.health.v1.Health/Check", request);
    return fromBinary(HealthCheckResponseSchema, reply).status;
  };
  const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;
  t.is(await check(""), SERVING);
  t.is(await check("perdure.test.Mixed"), SERVING);
  t.is(await check("perdure.test.Votes"), NOT_SERVING);

  const services = await listedServices(t, proxy.port);
  t.deepEqual(services.slice(2), [
    "perdure.test.Counter",
    "perdure.test.Listener",
    "perdure.test.Mixed",
    "perdure.test.Votes",
  ]);
});

async function listedServices(t: ExecutionContext, port: number): Promise<string[]> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  t.teardown(() => client.close());
  const call = client.makeBidiStreamRequest(
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    (request: Uint8Array) => Buffer.from(request),
    (reply: Buffer) => fromBinary(ServerReflectionResponseSchema, reply).messageResponse,
  );
  const messageRequest = { case: "listServices", value: "" } as const;
  call.end(
    toBinary(ServerReflectionRequestSchema, create(ServerReflectionRequestSchema, { messageRequest })),
  );
  for await (const answer of call) {
    const { case: kind, value } = answer as ServerReflectionResponse["messageResponse"];
    if (kind === "listServicesResponse") return value.service.map(({ name }) => name);
  }
  throw new Error("no list of services");
}

test("a forward to a service that is not served is refused, and the user function told why", async (t) => {
  const script = {
    spec: partlyServedSpec("Counter", "Votes"),
    onMessage: counterFunction(({ commandId, stream, amount }) => {
      if (amount !== 9) return false;
      stream.send(counterReply(commandId, 0, [], [{ ...addOne("x"), serviceName: "perdure.test.Votes" }]));
      return true;
    }),
  };
  const { grpc, userFunction } = await startWorld(t, script);
  await grpc.call(ADD, { id: "a", amount: 9 });
  const told = (): string | undefined =>
    userFunction.reports.find((report) => report.includes("side-effect of perdure.test.Counter.Add"));
  await until("it is told", () => told() !== undefined);
  t.regex(told() ?? "", /service perdure\.test\.Votes is a cloudstate\.crdt\.Crdt/);
});

for (const [way, ask] of Object.entries(WAYS)) {
  test(`a user function that is refused as a whole says so to callers: ${way}`, async (t) => {
    const refused = await startScriptedUserFunction({ spec: partlyServedSpec("Votes") });
    t.teardown(() => refused.kill());
    const { proxy } = await startLocalProxy(t, refused.port);
    await until("it is told", () => refused.reports.length === 1);
    for (const path of ["/perdure.test.Votes/Cast", "/perdure.test.Nobody/Call"]) {
      const { status, code, text } = await ask(t, proxy.port, path);
      t.is(status, isOfGrpc(way) ? UNIMPLEMENTED : 501);
      t.is(code, "USER_FUNCTION_REFUSED");
      t.regex(text, /^refused: service perdure\.test\.Votes is a cloudstate\.crdt\.Crdt/);
    }
  });

  test(`while the user function is away a call is told so at once: ${way}`, async (t) => {
    const gone = await startScriptedUserFunction({ spec: counterSpec() });
    gone.kill();
    const { proxy } = await startLocalProxy(t, gone.port);
    const paths = [
      "/perdure.test.Counter/Add",
      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ];
    for (const path of paths) {
      const { status, code, text } = await ask(t, proxy.port, path);
      t.is(status, isOfGrpc(way) ? UNAVAILABLE : 503, path);
      t.is(code, "USER_FUNCTION_UNAVAILABLE");
      t.is(text, "the user function is not available yet; try again");
    }
  });
}

test("streams of an action, open with 0 to 2 messages, end at once when the user function goes, and cannot begin while it is away", async (t) => {
  let opened = 0;
  const world = await startWorld(t, { spec: talksSpec(), onAction: () => void opened++ });
  const { userFunction, proxy } = world;
  const open = [0, 1, 2].flatMap((count) =>
    ["Chat", "Gather"].map((name) =>
      openGrpcCall(t, proxy.port, `/perdure.test.Talks/${name}`, Array(count).fill(line("a"))),
    ),
  );
  await until("they are open", () => opened === open.length);
  userFunction.kill();
  // The status that grpc-js gives its streams before it closes the connection may come first.
  for (const { status } of await Promise.all(open)) t.true([CANCELLED, UNAVAILABLE].includes(status));
  await until("it is missed", async () => (await world.readyz()).status === 503);
  for (const count of [0, 1, 2]) {
    for (const name of ["Say", "Gather", "Recite", "Chat"]) {
      const path = `/perdure.test.Talks/${name}`;
      const { status, code } = await openGrpcCall(t, proxy.port, path, Array(count).fill(line("a")));
      t.deepEqual([status, code], [UNAVAILABLE, "USER_FUNCTION_UNAVAILABLE"], `${name}, ${count}`);
    }
  }
});

test("only what is served is announced to the user function", async (t) => {
  const { userFunction } = await startPartly(t);
  const offered = userFunction.discoveries[0]?.supportedEntityTypes ?? [];
  t.true(offered.includes(EventSourced.typeName) && offered.includes(ActionProtocol.typeName));
  t.false(offered.includes("cloudstate.crdt.Crdt"));
});
