// SPDX-License-Identifier: Apache-2.0

/** Sends each row of the table of values to the real port, in every form that the row has. */

import type { ExecutionContext } from "ava";
import test from "ava";

import { systemClock } from "../base/mod.ts";
import { NO_METADATA } from "../protocol/mod.ts";
import type { Dispatch } from "../router/mod.ts";

import { grpcCaller } from "../../test/lib/grpc-caller.ts";
import { webFrame } from "./testdata/grpc-web.ts";
import { HTTP_CLIENTS, readText } from "./testdata/http-clients.ts";
import { runEndpoint } from "./testdata/running-endpoint.ts";
import { bytesOf, spec } from "./testdata/value-places.ts";
import { REFUSED, TAKEN } from "./testdata/value-rows.ts";
import { Talker } from "./testdata/web-sockets.ts";

const SERVICE = "/perdure.test.values.Values";
const AT_ONCE = 32;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** Answers with its input, and returns the input's bytes in a header. */
const keep: Dispatch["unary"] = async ({ payload }) => ({
  payload,
  metadata: [{ key: "x-message", value: base64(payload) }],
});

interface Answer {
  readonly code: string;
  /** The message that came to the user function, in base64. */
  readonly message: string | undefined;
  readonly body: string;
}

/** An endpoint that serves the values. */
async function run(t: ExecutionContext, streamed?: Dispatch["streamed"]) {
  const { port, url } = await runEndpoint(t, keep, {}, streamed, systemClock, spec);
  const send = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, init);
    const { headers } = response;
    return {
      code: response.ok ? "OK" : (headers.get("perdure-error-code") ?? "?"),
      message: headers.get("x-message") ?? undefined,
      body: await response.text(),
    };
  };
  const post = (path: string, body: string | Buffer): Promise<Answer> =>
    send(path, { method: "POST", headers: { "content-type": "application/json" }, body });
  return { port, url, send, post };
}

/** Checks each row. Fails with the complaints that come back, of which it shows the first ten. */
async function each<Row>(
  t: ExecutionContext,
  rows: readonly Row[],
  complaint: (row: Row) => Promise<string | undefined>,
): Promise<void> {
  const complaints: string[] = [];
  const waiting = rows[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (const row of waiting) {
      const said = await complaint(row);
      if (said !== undefined) complaints.push(`${JSON.stringify(row, plain)}: ${said}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  t.true(rows.length > 0);
  t.is(complaints.length, 0, complaints.slice(0, 10).join("\n"));
  t.log(`${rows.length} rows`);
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}

const WANTED = new Map(TAKEN.map((row) => [row, base64(bytesOf(row.message))]));

for (const [what, pad] of [
  ["", ""],
  // Large enough for the thread.
  [" with 70 kB of blanks", " ".repeat(70_000)],
] as const) {
  test(`JSON bodies${what}: what is taken is exact, and so is the answer`, async (t) => {
    const { post } = await run(t);
    const rows = pad === "" ? TAKEN : TAKEN.filter((_row, index) => index % 61 === 0);
    await each(t, rows, async (row) => {
      const { code, message, body } = await post("/values", `{${row.json}${pad}}`);
      if (code !== "OK") return `${code} ${body}`;
      if (message !== WANTED.get(row)) return `became ${message}, not ${WANTED.get(row)}`;
      return body.includes(row.written) ? undefined : `is answered without ${row.written}: ${body}`;
    });
  });

  test(`JSON bodies${what}: what is no value is refused`, async (t) => {
    const { post } = await run(t);
    const all = REFUSED.filter(({ json }) => json !== undefined);
    const rows = pad === "" ? all : all.filter((_row, index) => index % 61 === 0);
    await each(t, rows, async ({ json, code: wanted = "WRONG_FIELD_TYPE" }) => {
      const { code, body } = await post("/values", `{${json}${pad}}`);
      if (body.length > 700) return `a long text: ${body}`;
      return code === wanted ? undefined : `${code} ${body}`;
    });
  });
}

test("queries: what is taken is exact, a raw plus included", async (t) => {
  const { send } = await run(t);
  const rows = TAKEN.filter(({ query }) => query !== undefined);
  await each(t, rows, async (row) => {
    const { code, message, body } = await send(`/values?${row.query}`);
    if (code !== "OK") return `${code} ${body}`;
    return message === WANTED.get(row) ? undefined : `became ${message}, not ${WANTED.get(row)}`;
  });
});

test("queries: what is no value is refused", async (t) => {
  const { send } = await run(t);
  const rows = REFUSED.filter(({ query }) => query !== undefined);
  await each(t, rows, async ({ query }) => {
    const { code, body } = await send(`/values?${query}`);
    return code === "WRONG_PARAMETER_TYPE" ? undefined : `${code} ${body}`;
  });
});

test("WebSockets: frames of JSON are exact in both directions, and what is no value ends the call", async (t) => {
  const messages: string[] = [];
  const { port } = await run(t, async function* ({ input }) {
    for await (const payload of input) {
      messages.push(base64(payload));
      yield { payload, metadata: NO_METADATA };
    }
  });
  const rows = TAKEN.filter((_row, index) => index % 7 === 0);
  const talker = new Talker(t, port, "", { path: `${SERVICE}/Watch` });
  await talker.say(...rows.map(({ json }) => `{${json}}`), "");
  t.deepEqual(await talker.closed, [1000, ""]);
  t.is(talker.frames.length, rows.length);
  for (const [index, row] of rows.entries()) {
    t.is(messages[index], WANTED.get(row), row.json);
    t.true(String(talker.frames[index]).includes(row.written), row.json);
  }
  const wrong = REFUSED.filter(({ json }) => json !== undefined).filter((_row, index) => index % 97 === 0);
  for (const { json, code = "WRONG_FIELD_TYPE" } of wrong) {
    const refused = await new Talker(t, port, "", { path: `${SERVICE}/Watch` }).say(`{${json}}`);
    t.deepEqual(await refused.closed, [4003, code], json);
  }
});

test("gRPC and gRPC-Web: the bytes of what is taken pass as they are", async (t) => {
  const { port, url } = await run(t);
  const caller = grpcCaller(port);
  t.teardown(() => caller.close());
  const rows = [...new Map(TAKEN.map((row) => [WANTED.get(row), row])).values()];
  await each(t, rows, async (row) => {
    const bytes = bytesOf(row.message);
    const reply = await caller.callBytes(`${SERVICE}/Keep`, bytes);
    if (base64(reply) !== WANTED.get(row)) return `gRPC: became ${base64(reply)}`;
    const response = await fetch(`${url}${SERVICE}/Keep`, {
      method: "POST",
      headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
      body: webFrame(bytes),
    });
    const body = Buffer.from(await response.arrayBuffer());
    const message = base64(body.subarray(5, 5 + body.readUInt32BE(1)));
    return message === WANTED.get(row) ? undefined : `gRPC-Web: became ${message}`;
  });
});

for (const [path, message] of [
  ["/values/int64/9007199254740993", { int64One: 9_007_199_254_740_993n }],
  ["/values/int64/-9223372036854775808", { int64One: -(2n ** 63n) }],
  ["/values/uint64/18446744073709551615", { uint64One: 2n ** 64n - 1n }],
  ["/values/fixed64/18446744073709551615", { fixed64One: 2n ** 64n - 1n }],
  ["/values/bytes/+w==", { bytesOne: new Uint8Array([251]) }],
  ["/values/bytes/%2B%2F8=", { bytesOne: new Uint8Array([251, 255]) }],
  ["/values/float/0.1", { floatOne: Math.fround(0.1) }],
] as const) {
  test(`the path ${path} is exact`, async (t) => {
    const { send } = await run(t);
    t.like(await send(path), { code: "OK", message: base64(bytesOf(message)) });
  });
}

for (const path of [
  "/values/int64/9223372036854775808",
  "/values/int64/1e3",
  "/values/int64/1.0",
  "/values/uint64/-1",
  "/values/uint64/18446744073709551616",
  "/values/bytes/A%20QI",
  "/values/bytes/A",
  "/values/float/1e39",
  "/values/float/0x10",
]) {
  test(`the path ${path} is refused`, async (t) => {
    const { send } = await run(t);
    t.is((await send(path)).code, "WRONG_PARAMETER_TYPE");
  });
}

for (const [path, body, answer] of [
  ["/long", "9007199254740993", '"9007199254740993"'],
  ["/long", '"9007199254740993"', '"9007199254740993"'],
  ["/long", "9007199254740993.0", '"9007199254740993"'],
  ["/ratio", "0.1", "0.1"],
  ["/ratio", "-0", "-0"],
  ["/time", '"2024-02-29T00:00:00Z"', '"2024-02-29T00:00:00Z"'],
  ["/json", "-0", "-0"],
  ["/json", "[9007199254740993]", "[9007199254740992]"],
  [
    "/any",
    '{"value":9007199254740993,"@type":"x/google.protobuf.Int64Value"}',
    '{"value":"9007199254740993","@type":"x/google.protobuf.Int64Value"}',
  ],
  [
    "/any",
    '{"@type":"x/google.protobuf.FloatValue","value":0.1}',
    '{"value":0.1,"@type":"x/google.protobuf.FloatValue"}',
  ],
] as const) {
  test(`${path} with the whole body ${body} is answered with ${answer}`, async (t) => {
    const { post } = await run(t);
    t.like(await post(path, body), { code: "OK", body: answer });
  });
}

for (const [path, body] of [
  ["/long", "9223372036854775808"],
  ["/long", "1.5"],
  ["/long", "null"],
  ["/ratio", "null"],
  ["/time", "null"],
  ["/any", "null"],
  ["/long", '" "'],
  ["/ratio", "1e39"],
  ["/time", '"2023-02-29T00:00:00Z"'],
  ["/json", "1e400"],
  ["/any", '{"@type":"x/google.protobuf.Timestamp","value":"2023-02-29T00:00:00Z"}'],
] as const) {
  test(`${path} refuses the whole body ${body}`, async (t) => {
    const { post } = await run(t);
    t.is((await post(path, body)).code, "WRONG_FIELD_TYPE");
  });
}

for (const [what, nested] of [
  ["messages", (levels: number) => '{"inner":'.repeat(levels - 1) + "{}" + "}".repeat(levels - 1)],
  [
    "messages in lists",
    (levels: number) => '{"innerList":['.repeat(levels - 1) + "{}" + "]}".repeat(levels - 1),
  ],
] as const) {
  test(`100 ${what} inside each other are taken, one more is too deep`, async (t) => {
    const { post } = await run(t);
    t.is((await post("/values", nested(100))).code, "OK");
    t.is((await post("/values", nested(101))).code, "JSON_TOO_DEEP");
  });
}

test("a JSON value of 49 levels is taken and answered, one of 99 is too deep", async (t) => {
  const { post } = await run(t);
  t.is((await post("/json", `${"[".repeat(49)}1${"]".repeat(49)}`)).code, "OK");
  t.is((await post("/json", `${"[".repeat(99)}1${"]".repeat(99)}`)).code, "JSON_TOO_DEEP");
});

test("a field that is the body, or the answer, is exact", async (t) => {
  const { send, post } = await run(t);
  const { message, body } = await post("/values/inner", '{"int64One":9007199254740993,"floatOne":0.1}');
  t.is(message, base64(bytesOf({ inner: { int64One: 9_007_199_254_740_993n, floatOne: 0.1 } })));
  t.regex(body, /"int64One":"9007199254740993".*"floatOne":0\.1,/);
  t.is((await send("/values/float?floatOne=0.1")).body, "0.1");
  t.is((await send("/values/float?float_one=-0")).body, "-0");
  t.is(
    (await send("/values/floats?floatList=0.1&floatList=16777217&floatList=1e-45")).body,
    "[0.1,16777216,1e-45]",
  );
});

test("over HTTP/2 it is the same", async (t) => {
  const { port } = await run(t);
  const { status, headers, body } = await HTTP_CLIENTS["HTTP/2"](port, {
    method: "POST",
    path: "/values",
    headers: { "content-type": "application/json" },
    body: '{"int64Keys":{"9007199254740993":true},"uint64List":[18446744073709551615]}',
  });
  t.is(status, 200);
  t.is(
    headers["x-message"],
    base64(bytesOf({ int64Keys: { "9007199254740993": true }, uint64List: [2n ** 64n - 1n] })),
  );
  t.regex(await readText(body), /"uint64List":\["18446744073709551615"\]/);
});

test("a reply's numbers are those of its bytes, whatever a JSON reader would make of them", async (t) => {
  const payload = bytesOf({
    int64One: 9_007_199_254_740_993n,
    floatMap: { a: 0.1 },
    doubleList: [0.1, -0, 1e21],
  });
  const { url } = await runEndpoint(
    t,
    async () => ({ payload, metadata: NO_METADATA }),
    {},
    undefined,
    systemClock,
    spec,
  );
  const body = await (await fetch(`${url}/values`)).text();
  for (const written of [
    '"int64One":"9007199254740993"',
    '"floatMap":{"a":0.1}',
    '"doubleList":[0.1,-0,1e+21]',
  ])
    t.true(body.includes(written), written);
});
