// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http2";
import { connect as connectHttp2 } from "node:http2";

import test from "ava";

import type { Command } from "../router/mod.ts";

import { replyHeaders, requestMetadata } from "./metadata.ts";
import { readWebAnswer, webCall, webFrame } from "./testdata/grpc-web.ts";
import { HTTP_CLIENTS } from "./testdata/http-clients.ts";
import { echo, runEndpoint } from "./testdata/running-endpoint.ts";

const PLENTY = { take: () => true };

test("a request's headers are metadata in their order: names in lower case, -bin as bytes", (t) => {
  const raw = ["X-One", "1", "x-two-bin", "AP8,AQ==", "x-one", "2", "ce-id", "7", "authorization", "Basic x"];
  t.deepEqual(requestMetadata(raw, PLENTY), [
    { key: "x-one", value: "1" },
    { key: "x-two-bin", value: Buffer.from([0, 255]) },
    { key: "x-two-bin", value: Buffer.from([1]) },
    { key: "x-one", value: "2" },
    { key: "ce-id", value: "7" },
    { key: "authorization", value: "Basic x" },
  ]);
});

test("what belongs to the connection, to HTTP's framing or to gRPC is not metadata", (t) => {
  const names = [":path", "Host", "Connection", "TE", "transfer-encoding", "content-length", "Content-Type"];
  const more = [
    "content-encoding",
    "expect",
    "grpc-timeout",
    "grpc-encoding",
    "proxy-authorization",
    "upgrade",
  ];
  t.deepEqual(
    requestMetadata(
      [...names, ...more].flatMap((name) => [name, "x"]),
      PLENTY,
    ),
    [],
  );
});

test("I11: a header of commas has as many values; each is counted, and so many are refused", (t) => {
  let taken = 0;
  const bytes = { take: (amount: number) => (taken += amount) <= 100_000 };
  t.is(requestMetadata(["x-bin", ",".repeat(99)], bytes).length, 100);
  t.true(taken > 10_000);
  t.throws(() => requestMetadata(["x-bin", ",".repeat(999)], bytes), { code: "RECEIVE_BUFFER_FULL" });
  t.throws(() => requestMetadata(["x-bin", ",".repeat(1_000)], PLENTY), { code: "METADATA_TOO_LARGE" });
  const two = ["x-bin", ",".repeat(600), "y-bin", ",".repeat(600)];
  t.throws(() => requestMetadata(two, PLENTY), { code: "METADATA_TOO_LARGE" });
  const texts = Array.from({ length: 1_001 }, () => ["x", "1"]).flat();
  t.throws(() => requestMetadata(texts, PLENTY), { code: "METADATA_TOO_LARGE" });
});

test("over HTTP, of a reply's metadata only texts that are safe as headers go out", (t) => {
  const metadata = [
    { key: "X-Shelf", value: "7" },
    { key: "x-bytes-bin", value: Buffer.from([1]) },
    { key: "trailer:x-tail", value: "1" },
    { key: "x-newline", value: "a\r\nset-cookie: b" },
    { key: "x y", value: "c" },
    { key: "", value: "c" },
    { key: "x-ö", value: "c" },
    { key: "x-value", value: "ö" },
    { key: "grpc-status", value: "3" },
    { key: "perdure-error-code", value: "A" },
    { key: "Transfer-Encoding", value: "chunked" },
    { key: "x-shelf", value: "8" },
  ];
  t.deepEqual(replyHeaders(metadata), ["x-shelf", "7", "x-shelf", "8"]);
});

test("an action gets the headers of HTTP, and its metadata becomes headers; entities get none", async (t) => {
  const seen: Command[] = [];
  const endpoint = await runEndpoint(t, async (command) => {
    seen.push(command);
    return {
      payload: command.payload,
      metadata: [
        { key: "X-Shelf", value: "7" },
        { key: "x-shelf", value: "8" },
        { key: "Content-Length", value: "1" },
      ],
    };
  });
  const headers = { "X-One": "1", "x-two-bin": "AP8=", "Idempotency-Key": "k" };
  const json = {
    method: "POST",
    body: '{"text":"a"}',
    headers: { ...headers, "content-type": "application/json" },
  };
  const answer = await fetch(`${endpoint.url}/talks`, json);
  t.is(await answer.text(), '{"text":"a"}');
  t.is(answer.headers.get("x-shelf"), "7, 8");
  const own = seen[0]?.call.metadata.filter(({ key }) => key.startsWith("x-"));
  t.deepEqual(own, [
    { key: "x-one", value: "1" },
    { key: "x-two-bin", value: Buffer.from([0, 255]) },
  ]);
  t.false(seen[0]?.call.metadata.some(({ key }) => ["connection", "content-type", "host"].includes(key)));
  const session = connectHttp2(endpoint.url);
  t.teardown(() => session.destroy());
  const stream = session.request({ ":path": "/books/1", "idempotency-key": "k2" });
  const [overHttp2] = (await once(stream, "response")) as [IncomingHttpHeaders];
  stream.resume();
  t.is(overHttp2["x-shelf"], "7, 8");
  t.deepEqual(seen[1]?.call.metadata, []);
  t.deepEqual(
    seen.map((command) => command.call.idempotencyKey),
    ["k", "k2"],
  );
});

test("a key that is empty or too long is refused over every protocol, the longest one is taken", async (t) => {
  const keys: (string | undefined)[] = [];
  const endpoint = await runEndpoint(
    t,
    async (command) => {
      keys.push(command.call.idempotencyKey);
      return echo(command);
    },
    { maxIdempotencyKeyLength: 8 },
  );
  const send = HTTP_CLIENTS["HTTP/2"];
  const path = "/perdure.test.library.Talks/Say";
  for (const [key, isGood] of [
    ["", false],
    ["123456789", false],
    ["12345678", true],
  ] as const) {
    const headers = { "idempotency-key": key };
    const json = await send(endpoint.port, { path: "/books/1", headers });
    t.is(json.status, isGood ? 200 : 400);
    t.is(json.headers["perdure-error-code"], isGood ? undefined : "BAD_IDEMPOTENCY_KEY");
    json.leave();
    const web = await readWebAnswer(await send(endpoint.port, webCall("Say", webFrame("hi"), headers)));
    t.is(web.trailers?.["grpc-status"], isGood ? "0" : "3");
    const call = { method: "POST", path, headers: { ...headers, "content-type": "application/grpc" } };
    const grpc = await send(endpoint.port, { ...call, body: webFrame("hi") });
    t.is(grpc.headers["grpc-status"], isGood ? undefined : "3");
    grpc.leave();
  }
  t.deepEqual(keys, ["12345678", "12345678", "12345678"]);
});
