// SPDX-License-Identifier: Apache-2.0

/**
 * A message that lacks a required field is refused as the caller's error, in every protocol. The user function never
 * gets it.
 */

import { once } from "node:events";

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { ServiceError } from "@grpc/grpc-js";
import { Client, credentials, status as grpcStatus } from "@grpc/grpc-js";
import type { ExecutionContext } from "ava";
import test from "ava";

import type { EndpointOptions } from "./options.ts";
import { readWebAnswer, webCall, webFrame } from "./testdata/grpc-web.ts";
import { HTTP_CLIENTS } from "./testdata/http-clients.ts";
import { legacySpec, requiredSpec } from "./testdata/library-spec.ts";
import { echo, echoStream, runEndpoint } from "./testdata/running-endpoint.ts";
import { Talker } from "./testdata/web-sockets.ts";

const spec = requiredSpec();
const PLACE = "/perdure.test.required.Orders/Place";
const TALLY = "/perdure.test.required.Tally";

interface Row {
  readonly name: string;
  /** The message without its id, which is always set. */
  readonly json: string;
  /** The same as a query; undefined if a query cannot express it. */
  readonly query: string | undefined;
  readonly bytes: Uint8Array;
  /** The field that the refusal names; undefined if nothing is missing. */
  readonly missing: string | undefined;
}

/** An order, and in it messages with one text or none. */
function order(quantity: number | undefined, inside: Readonly<Record<number, string>> = {}): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string("1");
  if (quantity !== undefined) writer.tag(2, WireType.Varint).int32(quantity);
  for (const [number, text] of Object.entries(inside)) {
    writer.tag(Number(number), WireType.LengthDelimited).fork();
    if (text !== "") writer.tag(1, WireType.LengthDelimited).string(text);
    writer.join();
  }
  return writer.finish();
}

const ADDRESS = 3;
const LINES = 4;
/** A line with a code: two fields. */
const ONE_LINE = Buffer.from([0x22, 3, 0x0a, 1, 0x61]);

const rows: readonly Row[] = [
  { name: "all", json: '{"quantity":0}', query: "quantity=0", bytes: order(0), missing: undefined },
  {
    name: "all, in messages too",
    json: '{"quantity":2,"address":{"city":"X"},"lines":[{"code":"4"}]}',
    query: undefined,
    bytes: order(2, { [ADDRESS]: "X", [LINES]: "4" }),
    missing: undefined,
  },
  { name: "no quantity", json: "{}", query: "", bytes: order(undefined), missing: "Order.quantity" },
  {
    name: "a null for the quantity",
    json: '{"quantity":null}',
    query: undefined,
    bytes: order(undefined),
    missing: "Order.quantity",
  },
  {
    name: "an address without a city",
    json: '{"quantity":1,"address":{}}',
    query: undefined,
    bytes: order(1, { [ADDRESS]: "" }),
    missing: "Address.city",
  },
  {
    name: "a line without a code",
    json: '{"quantity":1,"lines":[{}]}',
    query: undefined,
    bytes: order(1, { [LINES]: "" }),
    missing: "Line.code",
  },
];

/** The result for the caller: undefined if the call succeeded, else the code and the text of the error. */
type Told = readonly [code: string, text: string] | undefined;

interface World {
  readonly port: number;
  readonly grpc: Client;
  /** How many messages the user function has got. */
  readonly got: () => number;
}

async function start(t: ExecutionContext, options: Partial<EndpointOptions> = {}): Promise<World> {
  let got = 0;
  const endpoint = await runEndpoint(
    t,
    async (command) => {
      got++;
      return echo(command);
    },
    options,
    async function* (command) {
      for await (const reply of echoStream(command)) {
        got++;
        yield reply;
      }
    },
    undefined,
    spec,
  );
  const grpc = new Client(`127.0.0.1:${endpoint.port}`, credentials.createInsecure());
  t.teardown(() => grpc.close());
  return { port: endpoint.port, grpc, got: () => got };
}

const same = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

function toldByGrpc(t: ExecutionContext, error: ServiceError | null): Told {
  if (error === null) return undefined;
  t.is(error.code, grpcStatus.INVALID_ARGUMENT);
  return [String(error.metadata.get("perdure-error-code")[0]), error.details];
}

type Way = (t: ExecutionContext, world: World, row: Row) => Promise<Told>;

function byHttp(version: keyof typeof HTTP_CLIENTS, hasBody: boolean): Way {
  return async (t, { port }, { json, query = "" }) => {
    const send = HTTP_CLIENTS[version];
    const call = hasBody
      ? { method: "POST", path: "/orders/1", headers: { "content-type": "application/json" }, body: json }
      : { path: `/orders/1?${query}` };
    const { status, headers, body } = await send(port, call);
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(chunk as Buffer);
    if (status === 200) return undefined;
    t.is(status, 400);
    return [String(headers["perdure-error-code"]), Buffer.concat(chunks).toString()];
  };
}

function byGrpcWeb(version: keyof typeof HTTP_CLIENTS, path: string): Way {
  return async (t, { port }, { bytes }) => {
    const reply = await HTTP_CLIENTS[version](port, { ...webCall("", webFrame(bytes)), path });
    const { trailers = {} } = await readWebAnswer(reply);
    if (trailers["grpc-status"] === "0") return undefined;
    t.is(trailers["grpc-status"], String(grpcStatus.INVALID_ARGUMENT));
    return [trailers["perdure-error-code"] ?? "", decodeURIComponent(trailers["grpc-message"] ?? "")];
  };
}

function byWebSocket(protocol: "perdure.json" | "perdure.proto", method: "Add" | "List"): Way {
  return async (t, { port }, { json, bytes }) => {
    const talker = new Talker(t, port, "", { path: `${TALLY}/${method}`, protocols: [protocol] });
    const message = protocol === "perdure.proto" ? bytes : `{"id":"1",${json.slice(1)}`.replace(",}", "}");
    await talker.say(message, "");
    const [code, reason] = await talker.closed;
    if (code === 1000) return undefined;
    t.is(code, 4_000 + grpcStatus.INVALID_ARGUMENT);
    const { error } = JSON.parse(String(talker.frames.at(-1))) as { error: { message: string } };
    return [reason, error.message];
  };
}

const ways: Readonly<Record<string, Way>> = {
  "JSON over HTTP/1.1": byHttp("HTTP/1.1", true),
  "JSON over HTTP/2": byHttp("HTTP/2", true),
  query: byHttp("HTTP/1.1", false),
  gRPC: (t, { grpc }, { bytes }) =>
    new Promise((resolve) => {
      grpc.makeUnaryRequest(PLACE, same, same, bytes, (error) => resolve(toldByGrpc(t, error)));
    }),
  "gRPC, a stream of requests": (t, { grpc }, { bytes }) =>
    new Promise((resolve) => {
      const call = grpc.makeClientStreamRequest(`${TALLY}/Add`, same, same, (error) =>
        resolve(toldByGrpc(t, error)),
      );
      call.write(bytes);
      call.end();
    }),
  "gRPC, a stream of replies": async (t, { grpc }, { bytes }) => {
    const call = grpc.makeServerStreamRequest(`${TALLY}/List`, same, same, bytes);
    call.resume();
    const failed = new Promise<ServiceError>((resolve) => call.on("error", resolve));
    return toldByGrpc(t, await Promise.race([failed, once(call, "end").then(() => null)]));
  },
  "gRPC-Web over HTTP/1.1": byGrpcWeb("HTTP/1.1", PLACE),
  "gRPC-Web over HTTP/2": byGrpcWeb("HTTP/2", `${TALLY}/List`),
  "WebSocket with JSON": byWebSocket("perdure.json", "Add"),
  "WebSocket with JSON, one message": byWebSocket("perdure.json", "List"),
  "WebSocket with bytes": byWebSocket("perdure.proto", "Add"),
  "WebSocket with bytes, one message": byWebSocket("perdure.proto", "List"),
};

for (const [way, send] of Object.entries(ways)) {
  for (const row of rows) {
    if (way === "query" && row.query === undefined) continue;
    const { missing, name } = row;
    test(`${way}: ${name}: ${missing === undefined ? "is served" : `REQUIRED_FIELD_MISSING, ${missing}`}`, async (t) => {
      const world = await start(t);
      const told = await send(t, world, row);
      const text = `field perdure.test.required.${missing} is required`;
      t.deepEqual(told, missing === undefined ? undefined : ["REQUIRED_FIELD_MISSING", text]);
      t.is(world.got(), missing === undefined ? 1 : 0);
    });
  }
}

/** Ways of messages that the proxy gets as bytes, and looks through. */
for (const [way, send] of Object.entries(ways).filter(([name]) => /gRPC|bytes/.test(name))) {
  test(`${way}: with more fields than are read, those of lines included, it is REQUEST_TOO_MANY_FIELDS`, async (t) => {
    const world = await start(t, { maxRequestFields: 1_000 });
    const withLines = (count: number): Row => {
      const lines = Buffer.alloc(count * ONE_LINE.length, ONE_LINE);
      return { name: "", json: "", query: "", bytes: Buffer.concat([order(1), lines]), missing: undefined };
    };
    t.is(await send(t, world, withLines(499)), undefined);
    const text =
      "the request, a perdure.test.required.Order, has more than 1000 fields, as --max-request-fields allows";
    t.deepEqual(await send(t, world, withLines(500)), ["REQUEST_TOO_MANY_FIELDS", text]);
    t.is(world.got(), 1);
  });
}

test("a message in a stream that lacks something ends the stream, and those before it have gone", async (t) => {
  const { grpc, got } = await start(t);
  const call = grpc.makeBidiStreamRequest(`${TALLY}/Chat`, same, same);
  for (const bytes of [order(1), order(2), order(undefined), order(3)]) call.write(bytes);
  call.resume();
  const error = await new Promise<ServiceError>((resolve) => call.on("error", resolve));
  t.is(toldByGrpc(t, error)?.[0], "REQUIRED_FIELD_MISSING");
  t.is(got(), 2);
});

test("what is no message at all is MALFORMED_MESSAGE", async (t) => {
  const { grpc, got } = await start(t);
  const error = await new Promise<ServiceError | null>((resolve) => {
    grpc.makeUnaryRequest(PLACE, same, same, Uint8Array.of(0x0a, 0xff), resolve);
  });
  t.is(toldByGrpc(t, error)?.[0], "MALFORMED_MESSAGE");
  t.is(got(), 0);
});

test("a message in an Any, or one that the thread for large texts reads, is told apart too", async (t) => {
  const { port } = await start(t);
  const any = { "@type": "type.googleapis.com/perdure.test.required.Line" };
  const lines = Array.from({ length: 5_000 }, (_, i) => ({ code: String(i) }));
  for (const [message, status, text] of [
    [{ quantity: 1, any: { ...any, code: "1" } }, 200, /code/],
    [{ quantity: 1, any }, 400, /^field perdure.test.required.Line.code is required$/],
    [{ quantity: 1, lines }, 200, /4999/],
    [{ quantity: 1, lines: [...lines, {}] }, 400, /^field perdure.test.required.Line.code is required$/],
  ] as const) {
    const response = await fetch(`http://127.0.0.1:${port}/orders/1`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/plain, application/json;q=0.5" },
      body: JSON.stringify(message),
    });
    t.is(response.status, status);
    t.is(response.headers.get("perdure-error-code"), status === 200 ? null : "REQUIRED_FIELD_MISSING");
    t.regex(await response.text(), text);
  }
});

test("a list as the body, with required fields in the path", async (t) => {
  const { port } = await start(t);
  const post = (body: string) =>
    fetch(`http://127.0.0.1:${port}/orders/1/2/lines`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
  t.deepEqual(await (await post('[{"code":"a"}]')).json(), {
    id: "1",
    quantity: 2,
    lines: [{ code: "a" }],
  });
  t.is((await post("[{}]")).headers.get("perdure-error-code"), "REQUIRED_FIELD_MISSING");
});

test("an edition's required field is one, though the path has all the plain texts", async (t) => {
  const endpoint = await runEndpoint(t, echo, {}, echoStream, undefined, legacySpec());
  const bare = await fetch(`${endpoint.url}/orders/1`, { headers: { accept: "text/plain" } });
  t.is(bare.status, 400);
  t.is(bare.headers.get("perdure-error-code"), "REQUIRED_FIELD_MISSING");
  t.is(await bare.text(), "field perdure.test.legacy.Order.version is required");
  const whole = await fetch(`${endpoint.url}/orders/1?version=0`);
  t.deepEqual(await whole.json(), { id: "1", version: 0 });
});
