// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import type { Socket } from "node:net";
import { connect } from "node:net";

import { status } from "@grpc/grpc-js";
import type { ExecutionContext } from "ava";
import test from "ava";

import { counterSpec } from "../lib/counter.ts";
import type { CounterCommand } from "../lib/counter-function.ts";
import { ADD, counterAmount, counterFunction } from "../lib/counter-function.ts";
import { statusOf } from "../lib/grpc-caller.ts";
import type { HttpCall } from "../lib/http-client.ts";
import type { LocalProxy } from "../lib/local-proxy.ts";
import { startWorld } from "../lib/local-proxy.ts";
import { resetSocket } from "../lib/reset-socket.ts";
import { until } from "../lib/until.ts";

const ADD_PATH = "/perdure.test.Counter/Add";
const LARGE = 20 * 1024 * 1024;

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

const world = (t: ExecutionContext) => startWorld(t, { spec: counterSpec(), onMessage: counterFunction() });

/** The next good request is served, over each protocol. */
async function stillServes(t: ExecutionContext, { http, grpc }: LocalProxy): Promise<void> {
  t.like(await http.call(ADD_PATH, { body: { id: "good", amount: 1 } }), { status: 200 });
  t.true(counterAmount(await grpc.call(ADD, { id: "good", amount: 1 })) > 0);
}

interface BadRequest {
  readonly title: string;
  readonly path?: string;
  readonly call?: HttpCall;
  readonly status: number;
  readonly errorCode: string;
  readonly text: RegExp;
}

const BAD_REQUESTS: readonly BadRequest[] = [
  {
    title: "malformed JSON",
    call: { body: '{"id": "a", ' },
    status: 400,
    errorCode: "MALFORMED_JSON",
    text: /JSON/,
  },
  {
    title: "no body",
    call: { method: "POST", body: "" },
    status: 400,
    errorCode: "ENTITY_KEY_MISSING",
    text: /names no entity/,
  },
  {
    title: "an unknown field",
    call: { body: { id: "a", color: "red" } },
    status: 400,
    errorCode: "UNKNOWN_JSON_FIELD",
    text: /color/,
  },
  {
    title: "a text for a number",
    call: { body: { id: "a", amount: "many" } },
    status: 400,
    errorCode: "WRONG_FIELD_TYPE",
    text: /amount/,
  },
  {
    title: "a number that does not fit",
    call: { body: { id: "a", amount: 2 ** 31 } },
    status: 400,
    errorCode: "WRONG_FIELD_TYPE",
    text: /amount/,
  },
  {
    title: "an array for a text",
    call: { body: { id: ["a"] } },
    status: 400,
    errorCode: "WRONG_FIELD_TYPE",
    text: /id/,
  },
  {
    title: "a missing key",
    call: { body: { amount: 1 } },
    status: 400,
    errorCode: "ENTITY_KEY_MISSING",
    text: /names no entity/,
  },
  {
    title: "a key that is too long",
    call: { body: { id: "a".repeat(2_000) } },
    status: 400,
    errorCode: "ENTITY_ID_TOO_LONG",
    text: /more than 1024 characters/,
  },
  {
    title: "a key of megabytes",
    call: { body: { id: "ß".repeat(5_000_000) } },
    status: 400,
    errorCode: "ENTITY_ID_TOO_LONG",
    text: /more than 1024 characters/,
  },
  {
    title: "another content type",
    call: { body: "id=a", contentType: "text/plain" },
    status: 415,
    errorCode: "UNSUPPORTED_CONTENT_TYPE",
    text: /application\/json/,
  },
  {
    title: "a body of 20 MiB",
    call: { body: { id: "a".repeat(LARGE) } },
    status: 413,
    errorCode: "REQUEST_TOO_LARGE",
    text: /12582912 bytes/,
  },
  { title: "an unknown path", path: "/nothing", status: 404, errorCode: "UNKNOWN_PATH", text: /\/nothing/ },
  {
    title: "another HTTP method",
    path: ADD_PATH,
    call: { method: "GET" },
    status: 405,
    errorCode: "METHOD_NOT_ALLOWED",
    text: /GET/,
  },
  {
    title: "a path that cannot be decoded",
    path: "/%ff",
    status: 404,
    errorCode: "UNKNOWN_PATH",
    text: /%ff/,
  },
];

test("HTTP: each bad request gets its own clear answer, and the next good one is served", async (t) => {
  const local = await world(t);
  for (const { title, path = ADD_PATH, call, text, ...expected } of BAD_REQUESTS) {
    const answer = await local.http.call(path, call);
    t.like(answer, expected, title);
    t.regex(answer.body, text, title);
    t.notRegex(answer.body, /\bat .*:\d+:\d+|\/pkg\//, title);
    await stillServes(t, local);
  }
});

test("gRPC: each bad call gets its own clear status, and the next good one is served", async (t) => {
  const local = await world(t);
  const { grpc } = local;
  const path = `/${ADD.parent.typeName}/${ADD.name}`;

  const keyless = await statusOf(grpc.call(ADD, { amount: 1 }));
  t.is(keyless.code, status.INVALID_ARGUMENT);
  t.regex(keyless.text, /names no entity/);
  await stillServes(t, local);

  const garbage = await statusOf(grpc.callBytes(path, Buffer.from([0x0a, 0x7f, 0x01])));
  t.is(garbage.code, status.INVALID_ARGUMENT);
  t.regex(garbage.text, /not a perdure.test.Request message/);
  await stillServes(t, local);

  // 5 MB, as the key's length says; it is not decoded, so that it is not UTF-8 does not matter.
  const longKey = Buffer.concat([Buffer.from([0x0a, 0xc0, 0x96, 0xb1, 0x02]), Buffer.alloc(5_000_000, 0xff)]);
  const long = await statusOf(grpc.callBytes(path, longKey));
  t.is(long.code, status.INVALID_ARGUMENT);
  t.regex(long.text, /more than 1024 characters/);
  await stillServes(t, local);

  const fields = await statusOf(grpc.callBytes(path, Buffer.alloc(2 * 6_000_000, Buffer.from([0x78, 0]))));
  t.is(fields.code, status.INVALID_ARGUMENT);
  t.regex(fields.text, /more than 250000 fields/);
  await stillServes(t, local);

  for (const unknown of [`${path}s`, "/a.B/C"]) {
    const answer = await statusOf(grpc.callBytes(unknown, Buffer.alloc(0)));
    t.is(answer.code, status.UNIMPLEMENTED);
    t.true(answer.text.includes(unknown), answer.text);
  }
  await stillServes(t, local);

  const large = await statusOf(grpc.callBytes(path, Buffer.alloc(LARGE)));
  t.is(large.code, status.RESOURCE_EXHAUSTED);
  t.regex(large.text, /12582912/);
  await stillServes(t, local);
});

/** What a client sends before one side closes the connection. */
const HALF_SENT: readonly (readonly [title: string, bytes: Buffer])[] = [
  ["half a preface", PREFACE.subarray(0, 10)],
  ["half a frame's head", Buffer.concat([PREFACE, SETTINGS.subarray(0, 4)])],
  [
    "half a frame's payload",
    Buffer.concat([PREFACE, SETTINGS, Buffer.from([0, 1, 0, 1, 4, 0, 0, 0, 1, 0x82])]),
  ],
  [
    "a frame that is too large",
    Buffer.concat([PREFACE, SETTINGS, Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1])]),
  ],
  [
    "a frame on a stream that was never opened",
    Buffer.concat([PREFACE, SETTINGS, Buffer.from([0, 0, 0, 0, 1, 0, 0, 0, 9])]),
  ],
  [
    "headers that cannot be decompressed",
    Buffer.concat([PREFACE, SETTINGS, Buffer.from([0, 0, 2, 1, 5, 0, 0, 0, 1, 0xff, 0xff])]),
  ],
  ["noise behind the preface", Buffer.concat([PREFACE, Buffer.alloc(4_096, 0xa5)])],
  [
    "half a request of HTTP/1.1",
    Buffer.from("POST /perdure.test.Counter/Add HTTP/1.1\r\nhost: a\r\ncontent-le"),
  ],
  [
    "half a body of HTTP/1.1",
    Buffer.from(`POST ${ADD_PATH} HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\n{"id":`),
  ],
  ["noise", Buffer.alloc(4_096, 0xa5)],
];

test("half-sent frames and requests end their own connection only", async (t) => {
  const local = await world(t);
  for (const [title, bytes] of HALF_SENT) {
    const socket = await send(local.proxy.port, bytes);
    await stillServes(t, local);
    resetSocket(socket);
    await stillServes(t, local);
    t.pass(title);
  }
  const sockets = await Promise.all(HALF_SENT.map(([, bytes]) => send(local.proxy.port, bytes)));
  for (const socket of sockets) socket.end();
  await stillServes(t, local);
  for (const socket of sockets) socket.destroy();
});

test("a gRPC call that breaks off in its message reaches nobody", async (t) => {
  const local = await world(t);
  const session = connectHttp2(`http://127.0.0.1:${local.proxy.port}`);
  t.teardown(() => session.destroy());
  session.on("error", () => undefined);
  const stream = session.request({
    ":method": "POST",
    ":path": `/${ADD.parent.typeName}/${ADD.name}`,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => undefined);
  // The prefix announces seven bytes; three come.
  stream.write(Buffer.from([0, 0, 0, 0, 7, 0x0a, 1, 0x61]));
  await stillServes(t, local);
  session.destroy();
  await stillServes(t, local);
  const entities = local.userFunction.streams.flatMap(({ received }) =>
    received.flatMap(({ message }) => (message.case === "init" ? [message.value.entityId] : [])),
  );
  t.deepEqual(entities, ["good"]);
});

test("a caller that goes away mid-command harms nobody: its event is stored, and the next command works", async (t) => {
  const held: CounterCommand[] = [];
  const onMessage = counterFunction((command) => command.amount === 5 && held.push(command) > 0);
  const { http, grpc } = await startWorld(t, { spec: counterSpec(), onMessage });

  const leave = new AbortController();
  const { signal } = leave;
  const overHttp = http.call(ADD_PATH, { body: { id: "a", amount: 5 }, signal });
  const overGrpc = statusOf(grpc.call(ADD, { id: "b", amount: 5 }, signal));
  await until("both commands are with the user function", () => held.length === 2);
  leave.abort();
  await t.throwsAsync(overHttp, { name: "AbortError" });
  t.is((await overGrpc).code, status.CANCELLED);

  const next = ["a", "b"].map((id) => grpc.call(ADD, { id, amount: 1 }));
  for (const command of held) command.carryOut();
  for (const reply of next) t.is(counterAmount(await reply), 6);
});

async function send(port: number, bytes: Buffer): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  // The proxy may well reset what is nonsense.
  socket.on("error", () => undefined).resume();
  await once(socket, "connect");
  await new Promise((resolve) => {
    socket.write(bytes, resolve);
  });
  return socket;
}
