// SPDX-License-Identifier: Apache-2.0

/** Requests that come in pieces of a few bytes; `websocket/hostile.test.ts` has those of WebSockets. */

import { connect as connectHttp2 } from "node:http2";
import { setImmediate as turn } from "node:timers/promises";

import test from "ava";

import { until } from "../../test/lib/until.ts";
import { echo, GET, PUT, RawClient, runEndpoint, serves } from "./testdata/running-endpoint.ts";

const WEB = "POST /perdure.test.library.Talks/Say HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web";
const PIECES = 20_000;
const CHUNKED = "transfer-encoding: chunked\r\n\r\n";

for (const [what, head] of [
  ["a body", `${PUT}${CHUNKED}`],
  ["a body that nobody reads", `POST /nowhere HTTP/1.1\r\nhost: x\r\n${CHUNKED}`],
  ["gRPC-Web", `${WEB}\r\n${CHUNKED}`],
] as const) {
  test(`HTTP/1.1: ${what} in chunks of one byte ends its connection`, async (t) => {
    const endpoint = await runEndpoint(t);
    const client = new RawClient(endpoint.port).send(head).send(Buffer.alloc(6 * PIECES, "1\r\nx\r\n"));
    await client.closed;
    await serves(t, endpoint);
  });
}

test("HTTP/1.1: a body in chunks of one byte ends its connection while it waits for its turn too", async (t) => {
  const waits: typeof echo = async (command) => {
    await new Promise<void>((resolve) => command.call.onCancel(resolve));
    return echo(command);
  };
  const endpoint = await runEndpoint(t, waits, { maxSmallPieces: 1_000 });
  const client = new RawClient(endpoint.port).send(`${GET}${PUT}${CHUNKED}${"1\r\nx\r\n".repeat(1_100)}`);
  t.is(await client.closed, "");
  await until("nothing is taken any more", () => endpoint.accounts.bytes.used === 0);
});

test("HTTP/1.1: a body in chunks of one byte is refused with a reason; a few are taken", async (t) => {
  const endpoint = await runEndpoint(t, echo, { maxSmallPieces: 1_000 });
  const client = new RawClient(endpoint.port).send(`${PUT}${CHUNKED}`);
  const refused = await client.send("1\r\n \r\n".repeat(1_100)).closed;
  t.true(refused.startsWith("HTTP/1.1 429 "), refused);
  t.regex(refused, /perdure-error-code: TOO_MANY_PIECES/);
  t.regex(refused, /connection: close/i);
  const honest = new RawClient(endpoint.port).send(`${PUT}${CHUNKED}`);
  honest.send("1\r\n \r\n".repeat(1_000)).send("2\r\n{}\r\n0\r\n\r\n");
  t.true((await honest.until("isbn")).startsWith("HTTP/1.1 200 OK"));
});

for (const contentType of ["application/json", "application/grpc-web", "application/grpc"]) {
  test(`HTTP/2: a request in frames of one byte is refused, and its connection goes on: ${contentType}`, async (t) => {
    const endpoint = await runEndpoint(t, echo, { maxSmallPieces: 100 });
    const session = connectHttp2(endpoint.url);
    const isJson = contentType === "application/json";
    const stream = session.request({
      ":method": isJson ? "PUT" : "POST",
      ":path": isJson ? "/books/1" : "/perdure.test.library.Talks/Say",
      "content-type": contentType,
    });
    let answer = "";
    stream.on("error", () => undefined);
    stream.on("response", (headers) => (answer += JSON.stringify(headers)));
    stream.on("trailers", (trailers) => (answer += JSON.stringify(trailers)));
    stream.on("data", (chunk: Buffer) => (answer += chunk.toString()));
    stream.write(Buffer.from([0, 0, 1, 0, 0]));
    while (!stream.closed) {
      if (stream.writable) stream.write("x");
      // What is written in one turn would be in one frame.
      await turn();
    }
    t.regex(answer, /TOO_MANY_PIECES/);
    const next = session.request({ ":path": "/books/1" });
    const status = new Promise((resolve) => next.on("response", (headers) => resolve(headers[":status"])));
    t.is(await status, 200);
    session.destroy();
  });
}
