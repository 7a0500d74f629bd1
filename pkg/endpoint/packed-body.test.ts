// SPDX-License-Identifier: Apache-2.0

import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";

import test from "ava";

import type { Command } from "../router/mod.ts";

import type { HttpCall } from "./testdata/http-clients.ts";
import { HTTP_CLIENTS, readText } from "./testdata/http-clients.ts";
import { BOOK, echo, echoStream, RawClient, runEndpoint, serves } from "./testdata/running-endpoint.ts";

const TITLE = '{"title":"T"}';
const MIB = 1_048_576;

interface Sent {
  readonly name: string;
  readonly encoding: string;
  readonly body: Buffer;
  readonly status: number;
  /** The code of a refusal, or else the title of the book. */
  readonly says: string;
}

const gzipped = gzipSync(TITLE);

const sent: readonly Sent[] = [
  { name: "gzip", encoding: "gzip", body: gzipped, status: 200, says: "T" },
  { name: "its old name, in capitals", encoding: "X-GZIP", body: gzipped, status: 200, says: "T" },
  { name: "no packing by name", encoding: "identity", body: Buffer.from(TITLE), status: 200, says: "T" },
  {
    name: "two members",
    encoding: "gzip",
    body: Buffer.concat([gzipSync('{"title":'), gzipSync('"T"}')]),
    status: 200,
    says: "T",
  },
  { name: "nothing, packed", encoding: "gzip", body: gzipSync(""), status: 200, says: "" },
  { name: "2 MiB, packed", encoding: "gzip", body: gzipSync(large(2 * MIB)), status: 200, says: "x" },
  {
    name: "deflate",
    encoding: "deflate",
    body: deflateSync(TITLE),
    status: 415,
    says: "UNSUPPORTED_CONTENT_ENCODING",
  },
  {
    name: "br",
    encoding: "br",
    body: brotliCompressSync(TITLE),
    status: 415,
    says: "UNSUPPORTED_CONTENT_ENCODING",
  },
  {
    name: "gzip twice",
    encoding: "gzip, gzip",
    body: gzipSync(gzipped),
    status: 415,
    says: "UNSUPPORTED_CONTENT_ENCODING",
  },
  {
    name: "what is not gzip",
    encoding: "gzip",
    body: Buffer.from(TITLE),
    status: 400,
    says: "MALFORMED_REQUEST",
  },
  {
    name: "half of it",
    encoding: "gzip",
    body: gzipped.subarray(0, 20),
    status: 400,
    says: "MALFORMED_REQUEST",
  },
  {
    name: "more behind it",
    encoding: "gzip",
    body: Buffer.concat([gzipped, Buffer.from("{}")]),
    status: 400,
    says: "MALFORMED_REQUEST",
  },
  {
    name: "what is larger than allowed when it is unpacked",
    encoding: "gzip",
    body: gzipSync(large(5 * MIB)),
    status: 413,
    says: "REQUEST_TOO_LARGE",
  },
  {
    name: "gzip of what is no JSON",
    encoding: "gzip",
    body: gzipSync("{"),
    status: 400,
    says: "MALFORMED_JSON",
  },
];

function large(bytes: number): string {
  return `{"title":"${"x".repeat(bytes)}"}`;
}

for (const [version, send] of Object.entries(HTTP_CLIENTS)) {
  for (const { name, encoding, body, status, says } of sent) {
    test(`${version}: ${name} gets ${status} ${says}`, async (t) => {
      let command: Command | undefined;
      const endpoint = await runEndpoint(
        t,
        async (dispatched) => {
          command = dispatched;
          return echo(dispatched);
        },
        { maxRequestBytes: 4 * MIB },
      );
      const reply = await send(endpoint.port, put(encoding, body));
      const text = await readText(reply.body);
      t.is(reply.status, status, text.slice(0, 200));
      if (status === 200) {
        const { title } = JSON.parse(text) as { title: string };
        t.is(says === "x" ? title.replaceAll("x", "") : title, says === "x" ? "" : says);
        t.is(title.length, says === "x" ? 2 * MIB : says.length);
      } else {
        t.is(reply.headers["perdure-error-code"], says);
        t.is(reply.headers["accept-encoding"], status === 415 ? "gzip" : undefined);
        t.is(command, undefined);
      }
      await serves(t, endpoint);
      await gone(endpoint.accounts.bytes);
      t.is(endpoint.accounts.bytes.used, 0);
    });
  }
}

function put(encoding: string, body: Buffer): HttpCall {
  const headers = { "content-type": "application/json", "content-encoding": encoding };
  return { method: "PUT", path: "/books/1", headers, body };
}

/** Waits for an empty account, because an answer that was read may be counted a little longer. */
async function gone(bytes: { readonly used: number }): Promise<void> {
  for (let turns = 0; bytes.used > 0 && turns < 1_000; turns++) await new Promise(setImmediate);
}

test("what is unpacked is taken from the account, and beyond it refused", async (t) => {
  const endpoint = await runEndpoint(t, echo, { maxBufferedBytes: MIB });
  const reply = await HTTP_CLIENTS["HTTP/1.1"](endpoint.port, put("gzip", gzipSync(large(2 * MIB))));
  t.is(reply.status, 503);
  t.is(reply.headers["perdure-error-code"], "ENDPOINT_OVERLOADED");
  reply.leave();
  await serves(t, endpoint);
});

test("a body in an unknown encoding is refused before it is sent", async (t) => {
  const endpoint = await runEndpoint(t);
  const head =
    "PUT /books/1 HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-encoding: br\r\n" +
    "expect: 100-continue\r\ncontent-length: 1000\r\n\r\n";
  const answer = await new RawClient(endpoint.port).send(head).closed;
  t.regex(answer, /^HTTP\/1\.1 415 /);
  t.true(answer.includes("perdure-error-code: UNSUPPORTED_CONTENT_ENCODING"), answer);
});

test("a body that no rule takes may be packed in any way", async (t) => {
  const endpoint = await runEndpoint(t);
  const path = "/books/1:lend";
  const headers = { "content-encoding": "br" };
  const reply = await HTTP_CLIENTS["HTTP/1.1"](endpoint.port, { method: "POST", path, headers, body: "x" });
  t.is(reply.status, 200);
  reply.leave();
});

test("an HttpBody is unpacked too, and its action does not hear that it was packed", async (t) => {
  let names: readonly string[] = [];
  const endpoint = await runEndpoint(
    t,
    async (command) => {
      names = command.call.metadata.map(({ key }) => key);
      return echo(command);
    },
    {},
    echoStream,
  );
  const response = await fetch(`${endpoint.url}/uploads`, {
    method: "POST",
    headers: { "content-type": "text/plain", "content-encoding": "gzip", "x-one": "1" },
    body: gzipSync("hello"),
  });
  t.is(await response.text(), "hello");
  t.true(names.includes("x-one"));
  t.false(names.includes("content-encoding"));
});

for (const [version, send] of Object.entries(HTTP_CLIENTS)) {
  test(`${version}: without a body there is no content type to be wrong`, async (t) => {
    const endpoint = await runEndpoint(t);
    for (const headers of [
      {},
      { "content-type": "text/plain" },
      { "content-length": "0" },
      { "content-type": "application/x-www-form-urlencoded", "content-length": "0" },
    ]) {
      const reply = await send(endpoint.port, { method: "PUT", path: "/books/1", headers });
      t.is(await readText(reply.body), BOOK);
    }
  });
}

for (const type of ["", "content-type: text/plain\r\n"]) {
  test(`chunks that are none are no body, ${type === "" ? "without" : "whatever"} the content type`, async (t) => {
    const endpoint = await runEndpoint(t);
    const head = `PUT /books/1 HTTP/1.1\r\nhost: x\r\n${type}transfer-encoding: chunked\r\n\r\n`;
    const client = new RawClient(endpoint.port).send(`${head}0\r\n\r\n`);
    t.true((await client.until(BOOK)).startsWith("HTTP/1.1 200 OK"));
    const wrong = new RawClient(endpoint.port).send(`${head}2\r\n{}\r\n0\r\n\r\n`);
    t.regex(await wrong.until("application/json;"), /^HTTP\/1\.1 415 /);
    client.socket.destroy();
    wrong.socket.destroy();
  });
}
