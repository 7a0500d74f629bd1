// SPDX-License-Identifier: Apache-2.0

/** JSON that is small on the wire and large in memory, at the real port (I11, I12). */

import { monitorEventLoopDelay } from "node:perf_hooks";

import type { ExecutionContext } from "ava";
import test from "ava";

import { systemClock } from "../../base/mod.ts";
import { NO_METADATA } from "../../protocol/mod.ts";
import type { Dispatch } from "../../router/mod.ts";

import { bySize } from "../../../test/lib/by-size.ts";
import type { EndpointOptions } from "../options.ts";
import type { HttpCall } from "../testdata/http-clients.ts";
import { HTTP_CLIENTS, readText } from "../testdata/http-clients.ts";
import { heapSpec } from "../testdata/library-spec.ts";
import { field } from "../testdata/protobuf-bytes.ts";
import { echo, echoStream, runEndpoint } from "../testdata/running-endpoint.ts";
import { Talker } from "../testdata/web-sockets.ts";

const spec = heapSpec();
const GROW = "/perdure.test.heap.Heaps/Grow";
const WHOLE = 12_000_000;
const NONE = Buffer.alloc(0);

/** Long enough for the largest texts on a machine that does much else: what is tested here is not how long it takes. */
const PATIENT = { jsonTimeoutMs: 120_000 };

/** An endpoint that serves heaps; a request without a field gets the reply, any other its own message. */
function run(t: ExecutionContext, reply: Uint8Array = NONE, options: Partial<EndpointOptions> = {}) {
  const unary: Dispatch["unary"] = async (command) =>
    command.payload.length === 0 ? { payload: reply, metadata: NO_METADATA } : echo(command);
  const streamed: Dispatch["streamed"] = async function* (command) {
    for await (const answer of echoStream(command))
      yield answer.payload.length === 0 ? { payload: reply, metadata: NO_METADATA } : answer;
  };
  return runEndpoint(t, unary, { ...PATIENT, ...options }, streamed, systemClock, spec);
}

const JSON_HEADERS = { "content-type": "application/json" };
const post = (path: string, body: string | Uint8Array, headers = {}) => ({
  method: "POST",
  path,
  headers: { ...JSON_HEADERS, ...headers },
  body,
});

interface Answer {
  readonly status: number;
  /** `OK`, or the code of the error. */
  readonly code: unknown;
  readonly contentType: string | undefined;
  readonly body: string;
}

async function send(version: keyof typeof HTTP_CLIENTS, port: number, call: HttpCall): Promise<Answer> {
  const { status, headers, body } = await HTTP_CLIENTS[version](port, call);
  const code = status === 200 ? "OK" : headers["perdure-error-code"];
  return { status, code, contentType: headers["content-type"], body: await readText(body) };
}

/**
 * Runs the action. Counts the small calls that are answered meanwhile, and logs how long the event loop was blocked
 * at most.
 */
async function watched<T>(
  t: ExecutionContext,
  port: number,
  action: () => Promise<T>,
): Promise<[result: T, calls: number]> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const watch = { calls: 0, isOver: false };
  const bystander = async (): Promise<void> => {
    while (!watch.isOver) {
      const { code } = await send("HTTP/1.1", port, post("/heaps", '{"text":"a"}'));
      t.is(code, "OK");
      if (!watch.isOver) watch.calls++;
    }
  };
  const others = bystander();
  const result = await action();
  watch.isOver = true;
  await others;
  delay.disable();
  t.log(
    `${watch.calls} small calls meanwhile; the event loop was held for ${(delay.max / 1e6).toFixed(1)} ms at most`,
  );
  return [result, watch.calls];
}

function fill(head: string, item: string, tail: string, bytes = WHOLE): string {
  return head + item.repeat(Math.floor((bytes - head.length - tail.length) / Buffer.byteLength(item))) + tail;
}

function unknownKeys(): string {
  return `{${Array.from({ length: 900_000 }, (_, index) => `"k${index}":1`).join(",")}}`;
}

interface Attack {
  readonly what: string;
  readonly body: () => string;
  readonly code: string;
  readonly status: number;
}

const attacks: readonly Attack[] = [
  { what: "12 MB of brackets", body: () => fill('{"text":', "[", ""), code: "JSON_TOO_DEEP", status: 400 },
  {
    what: "4,000,000 empty messages",
    body: () => fill('{"nothings":[', "{},", "{}]}"),
    code: "JSON_TOO_MANY_VALUES",
    status: 413,
  },
  { what: "900,000 unknown keys", body: unknownKeys, code: "JSON_TOO_MANY_VALUES", status: 413 },
  {
    what: "40,000 messages of twenty fields",
    body: () => fill('{"wides":[', "{},", "{}]}", 120_000),
    code: "JSON_TOO_MANY_VALUES",
    status: 413,
  },
  {
    what: "3,000 messages of twenty fields",
    body: () => fill('{"wides":[', "{},", "{}]}", 9_000),
    code: "JSON_TOO_MANY_VALUES",
    status: 413,
  },
  {
    what: "a mask of 4,000,000 paths",
    body: () => fill('{"mask":"', "aB,", 'c"}'),
    code: "JSON_TOO_MANY_VALUES",
    status: 413,
  },
  {
    what: "a number of 12,000,000 digits",
    body: () => fill('{"longs":["', "1", '"]}'),
    code: "WRONG_FIELD_TYPE",
    status: 400,
  },
  {
    what: "a number without quotes of 12,000,000 digits",
    body: () => fill('{"longs":[', "1", "]}"),
    code: "WRONG_FIELD_TYPE",
    status: 400,
  },
  {
    what: "a number with 12,000,000 zeros before its last decimal",
    body: () => fill('{"longs":[1.', "0", "1]}"),
    code: "WRONG_FIELD_TYPE",
    status: 400,
  },
  {
    what: "base64 with 12,000,000 line breaks and a blank",
    body: () => fill('{"blob":"QUI=', "\\n", ' "}'),
    code: "WRONG_FIELD_TYPE",
    status: 400,
  },
  // If the key were searched in the text of the error, the time would be quadratic in the length.
  {
    what: "a type that looks like an unknown key",
    body: () => fill('{"any":{"@type":"', ' key \\"', '"}}'),
    code: "WRONG_FIELD_TYPE",
    status: 400,
  },
  {
    what: "a long unknown key",
    body: () => fill('{"', "k", '":1}'),
    code: "UNKNOWN_JSON_FIELD",
    status: 400,
  },
  {
    what: "12 MB that break off",
    body: () => fill('{"text":"', "a", ""),
    code: "MALFORMED_JSON",
    status: 400,
  },
];

const TRANSPORTS: readonly (keyof typeof HTTP_CLIENTS | "WebSocket")[] = ["HTTP/1.1", "HTTP/2", "WebSocket"];

for (const [index, { what, body, code, status }] of attacks.entries()) {
  // Each attack takes a second, and the three transports share the code that reads JSON. So the short form of the
  // test sends each attack by one of them.
  const transports = bySize({ full: TRANSPORTS, short: TRANSPORTS.filter((_, nth) => nth === index % 3) });
  for (const version of transports) {
    if (version === "WebSocket") continue;
    test.serial(`${version}: ${what}: ${code}`, async (t) => {
      const { port } = await run(t);
      const [reply] = await watched(t, port, () => send(version, port, post("/heaps", body())));
      t.like(reply, { status, code });
      t.true(reply.body.length < 1_000, "it does not repeat what was sent");
    });
  }
  if (!transports.includes("WebSocket")) continue;
  test.serial(`WebSocket: ${what}: ${code}`, async (t) => {
    const { port } = await run(t);
    const talker = new Talker(t, port, "", { path: GROW });
    await talker.opened;
    const [closing] = await watched(t, port, async () => (await talker.say(body())).closed);
    t.deepEqual(closing, [4003, code]);
  });
}

const large: readonly (readonly [what: string, body: () => string])[] = [
  ["12 MB of text", () => fill('{"text":"', "a", '"}')],
  ["12 MB of escapes", () => fill('{"text":"', "\\n", '"}')],
  ["12 MB of base64", () => fill('{"blob":"', "QUJD", '"}')],
  ["12 MB of multi-byte text", () => fill('{"text":"', "€", '"}')],
  ["12 MB of escaped pairs", () => fill('{"text":"', "\\ud83d\\ude00", '"}')],
];

for (const [what, body] of large) {
  test.serial(`${what} are converted in both directions, and others are answered meanwhile`, async (t) => {
    const { port } = await run(t);
    const text = body();
    const [reply, calls] = await watched(t, port, () => send("HTTP/2", port, post("/heaps", text)));
    t.is(reply.code, "OK");
    t.like(JSON.parse(reply.body), JSON.parse(text) as object);
    t.true(calls > 0);
  });
}

test.serial("a path overrides a large body, and the field of a large answer is taken out", async (t) => {
  const { port } = await run(t);
  const body = `{"texts":${JSON.stringify(Array.from({ length: 30_000 }, (_, index) => `${index}`))}}`;
  const call = { ...post("/heaps/name/heap", body), method: "PUT" };
  const reply = await send("HTTP/1.1", port, call);
  t.like(JSON.parse(reply.body), { ...(JSON.parse(body) as object), text: "" });
});

const largeReplies: readonly (readonly [what: string, reply: () => Buffer])[] = [
  ["6,000,000 messages of twenty defaults", () => Buffer.alloc(WHOLE, field(4, NONE))],
  ["5,000 messages of twenty defaults", () => Buffer.alloc(10_000, field(4, NONE))],
  ["a packed list of 12,000,000 numbers", () => field(5, Buffer.alloc(WHOLE, 1))],
  ["6,000,000 Anys", () => Buffer.alloc(WHOLE, field(15, NONE))],
  ["4,000,000 unknown fields", () => Buffer.alloc(WHOLE, Buffer.from([0xf8, 0x0f, 0]))],
  ["12 MB of control characters", () => field(1, Buffer.alloc(WHOLE, 1))],
];

for (const [what, reply] of largeReplies) {
  test.serial(`a reply of ${what}: REPLY_TOO_LARGE, over HTTP and WebSockets`, async (t) => {
    const { port } = await run(t, reply());
    for (const version of ["HTTP/1.1", "HTTP/2"] as const) {
      const [answer] = await watched(t, port, () => send(version, port, post("/heaps", "{}")));
      t.like(answer, { status: 500, code: "REPLY_TOO_LARGE" });
    }
    for (const headers of [{}, { accept: "text/event-stream" }]) {
      const answer = await send("HTTP/1.1", port, post("/growing-heaps", "{}", headers));
      t.like(answer, { status: 500, code: "REPLY_TOO_LARGE" });
    }
    const talker = await new Talker(t, port, "", { path: GROW }).say("{}");
    t.deepEqual(await talker.closed, [4013, "REPLY_TOO_LARGE"]);
  });
}

test.serial("a large reply in the middle of a stream ends it with the code", async (t) => {
  const { port } = await run(t, Buffer.alloc(WHOLE, field(4, NONE)));
  const talker = await new Talker(t, port, "", { path: GROW }).say('{"text":"a"}', "{}");
  t.deepEqual(await talker.closed, [4013, "REPLY_TOO_LARGE"]);
  t.is(talker.frames.length, 2);
  t.regex(String(talker.frames[1]), /"reason":"REPLY_TOO_LARGE"/);
});

test.serial(
  "an HttpBody is passed on whatever its size, and not if what is beside its bytes is too large",
  async (t) => {
    const type = field(1, Buffer.from("text/plain"));
    const bytes = await run(t, Buffer.concat([type, field(2, Buffer.alloc(WHOLE, "a"))]));
    const answer = await send("HTTP/2", bytes.port, post("/heaps/bytes", "{}"));
    t.is(answer.contentType, "text/plain");
    t.is(answer.body.length, WHOLE);
    const { port } = await run(t, Buffer.alloc(WHOLE, field(3, NONE)));
    t.is((await send("HTTP/2", port, post("/heaps/bytes", "{}"))).code, "REPLY_TOO_LARGE");
  },
);

test.serial("frames of a WebSocket keep their order, large and small ones, in both directions", async (t) => {
  const { port } = await run(t);
  const texts = ["a", "b".repeat(100_000), "c", "d".repeat(1_000_000), "e", "f", "g".repeat(70_000), "h"];
  const talker = await new Talker(t, port, "", { path: GROW }).say(
    ...texts.map((text) => JSON.stringify({ text })),
    "",
  );
  t.deepEqual(await talker.closed, [1000, ""]);
  t.deepEqual(
    talker.frames.map((frame) => (JSON.parse(String(frame)) as { text: string }).text.slice(0, 1)),
    ["a", "b", "c", "d", "e", "f", "g", "h"],
  );
});

test.serial("a caller of a WebSocket who goes while a frame is converted harms nobody", async (t) => {
  const { port } = await run(t);
  const talker = await new Talker(t, port, "", { path: GROW }).say(
    fill('{"text":"', "a", '"}'),
    '{"text":"b"}',
  );
  talker.socket.terminate();
  await talker.closed;
  t.is((await send("HTTP/1.1", port, post("/heaps", fill('{"text":"', "a", '"}', 100_000)))).code, "OK");
});

test.serial("the bounds are those of the options, for small texts and large ones", async (t) => {
  const { port } = await run(t, field(1, Buffer.alloc(2_000, "a")), {
    maxJsonValues: 200,
    maxJsonReplyBytes: 1_500,
  });
  const call = async (body: string) => (await send("HTTP/1.1", port, post("/heaps", body))).code;
  const ints = (count: number) => `{"ints":[${"1,".repeat(count - 1)}1]}`;
  t.is(await call(ints(100)), "OK");
  t.is(await call(ints(198)), "JSON_TOO_MANY_VALUES");
  t.is(await call(ints(2_500)), "JSON_TOO_MANY_VALUES");
  t.is(await call('{"wides":[{},{},{},{},{}]}'), "JSON_TOO_MANY_VALUES");
  t.is(await call("{}"), "REPLY_TOO_LARGE");
});

test.serial("many large texts at once are all converted, one after the other", async (t) => {
  const { port } = await run(t);
  const body = fill('{"text":"', "a", '"}', 500_000);
  const [codes, calls] = await watched(t, port, async () =>
    Promise.all(
      Array.from({ length: 20 }, async () => (await send("HTTP/2", port, post("/heaps", body))).code),
    ),
  );
  t.deepEqual(new Set(codes), new Set(["OK"]));
  t.true(calls > 0);
});
