// SPDX-License-Identifier: Apache-2.0

// HTTP strips blanks at the edges of a header's value (RFC 9110, 5.5), and many readers drop a value that has any.

import type { IncomingHttpHeaders } from "node:http2";
import { connect as connectHttp2 } from "node:http2";

import type { ExecutionContext } from "ava";
import test from "ava";

import { systemClock } from "../base/mod.ts";
import { connect, Status, StatusError } from "../grpc/mod.ts";
import type { Command } from "../router/mod.ts";

import { readWebAnswer, webCall, webFrame } from "./testdata/grpc-web.ts";
import { HTTP_CLIENTS, readText } from "./testdata/http-clients.ts";
import { echo, runEndpoint } from "./testdata/running-endpoint.ts";

const SAY = "/perdure.test.library.Talks/Say";
const TEXT = "  no more ";
const METADATA = [
  { key: "x-head", value: " 1 " },
  { key: "trailer:x-tail", value: "\t2 ".trimStart() },
];

async function fails(): Promise<never> {
  throw new StatusError(Status.NOT_FOUND, "GONE", TEXT);
}

/** The headers and trailers that a strict client keeps: it drops those that violate RFC 9113. */
function call(
  t: ExecutionContext,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<IncomingHttpHeaders> {
  // Node's own client is strict too, unless it sends what is wrong itself.
  const session = connectHttp2(url);
  t.teardown(() => session.destroy());
  return new Promise((resolve, reject) => {
    const head = { ":method": "POST", ":path": SAY, "content-type": "application/grpc", te: "trailers" };
    const stream = session.request({ ...head, ...headers });
    const seen: IncomingHttpHeaders = {};
    stream.on("response", (fields) => Object.assign(seen, fields));
    stream.on("trailers", (fields) => Object.assign(seen, fields));
    stream.on("end", () => resolve(seen)).on("error", reject);
    stream.resume().end(webFrame(""));
  });
}

test("gRPC: a failure's text keeps its blanks", async (t) => {
  const { url, port } = await runEndpoint(t, fails);
  t.is((await call(t, url))["grpc-message"], "%20 no more%20");
  const connection = await connect({ host: "127.0.0.1", port, clock: systemClock });
  t.teardown(() => connection.close());
  await t.throwsAsync(connection.unary(SAY, Buffer.alloc(0)), { message: TEXT });
});

test("gRPC: metadata of a reply arrive without the blanks, as gRPC allows, and not at all lost", async (t) => {
  const { url } = await runEndpoint(t, async ({ payload }) => ({ payload, metadata: METADATA }));
  t.like(await call(t, url), { "x-head": "1", "x-tail": "2", "grpc-status": "0" });
});

test("gRPC: metadata and the key of a request are not lost over their blanks", async (t) => {
  const seen: Command[] = [];
  const { url } = await runEndpoint(t, async (command) => {
    seen.push(command);
    return echo(command);
  });
  t.is((await call(t, url, { "x-one": " a b ", "idempotency-key": "k " }))["grpc-status"], "0");
  t.deepEqual(
    seen[0]?.call.metadata.filter(({ key }) => key === "x-one"),
    [{ key: "x-one", value: "a b" }],
  );
  t.is(seen[0]?.call.idempotencyKey, "k");
});

for (const [version, send] of Object.entries(HTTP_CLIENTS)) {
  test(`${version}: gRPC-Web and JSON lose neither a text nor metadata`, async (t) => {
    let answer: typeof echo = fails;
    const { port } = await runEndpoint(t, (command) => answer(command));
    const failed = await readWebAnswer(await send(port, webCall("Say", webFrame(""))));
    t.is(failed.trailers?.["grpc-message"], "%20 no more%20");
    const json = await send(port, { path: "/books/1" });
    t.is(await readText(json.body), TEXT);

    answer = async ({ payload }) => ({ payload, metadata: METADATA });
    const good = await send(port, webCall("Say", webFrame("")));
    t.is(good.headers["x-head"], "1");
    t.is((await readWebAnswer(good)).trailers?.["x-tail"], "2");
    const book = await send(port, { path: "/books/1" });
    t.is(book.headers["x-head"], "1");
    book.leave();
  });

  test(`${version}: a content type of the user function arrives without its blanks`, async (t) => {
    const body = Buffer.from("\n\ntext/html \x12\x01a", "latin1");
    body.writeUInt8(10, 1);
    const { port } = await runEndpoint(t, async () => ({ payload: body, metadata: [] }));
    const file = await send(port, { path: "/files/a" });
    t.is(file.headers["content-type"], "text/html");
    file.leave();
  });
}
