// SPDX-License-Identifier: Apache-2.0

/** Heads that Node's server would refuse by itself, without a code. */

import test from "ava";

import { HTTP_CLIENTS, readText } from "./testdata/http-clients.ts";
import { echo, GET, PUT, RawClient, runEndpoint, serves } from "./testdata/running-endpoint.ts";
import { handshakeBytes } from "./testdata/web-sockets.ts";

const WEB = "POST /perdure.test.library.Talks/Say HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web";

interface Refused {
  readonly name: string;
  readonly sent: string;
  readonly status: string;
  readonly code: string;
}

const refused: readonly Refused[] = [
  {
    name: "no host",
    sent: "GET /books/1 HTTP/1.1\r\naccept: */*\r\n\r\n",
    status: "400",
    code: "MALFORMED_REQUEST",
  },
  {
    name: "a WebSocket without a host",
    sent: handshakeBytes("Chat").replace("host: x\r\n", ""),
    status: "400",
    code: "MALFORMED_REQUEST",
  },
  {
    name: "gRPC-Web without a host",
    sent: `${WEB.replace("host: x\r\n", "")}\r\ncontent-length: 0\r\n\r\n`,
    status: "400",
    code: "MALFORMED_REQUEST",
  },
  {
    name: "a fragment in the path, which could be a part of an entity's key",
    sent: "GET /books/1#2 HTTP/1.1\r\nhost: x\r\n\r\n",
    status: "400",
    code: "MALFORMED_REQUEST",
  },
  {
    name: "a fragment in the query",
    sent: "GET /books/1?copies=2#3 HTTP/1.1\r\nhost: x\r\n\r\n",
    status: "400",
    code: "MALFORMED_REQUEST",
  },
  {
    name: "a second host behind 1,000 other fields",
    sent: `GET /books/1 HTTP/1.1\r\nhost: x\r\n${"a:\r\n".repeat(1_000)}host: y\r\n\r\n`,
    status: "400",
    code: "MALFORMED_REQUEST",
  },
  {
    name: "an unknown expectation",
    sent: `${PUT}expect: foo\r\ncontent-length: 2\r\n\r\n{}`,
    status: "417",
    code: "UNKNOWN_EXPECTATION",
  },
  {
    name: "an unknown expectation without a host",
    sent: `${PUT.replace("host: x\r\n", "")}expect: foo\r\ncontent-length: 2\r\n\r\n{}`,
    status: "400",
    code: "MALFORMED_REQUEST",
  },
  {
    name: "CONNECT",
    sent: "CONNECT example.org:443 HTTP/1.1\r\nhost: example.org:443\r\n\r\n",
    status: "405",
    code: "METHOD_NOT_ALLOWED",
  },
  {
    name: "CONNECT without a host",
    sent: "CONNECT example.org:443 HTTP/1.1\r\naccept: */*\r\n\r\n",
    status: "400",
    code: "MALFORMED_REQUEST",
  },
];

for (const { name, sent, status, code } of refused) {
  test(`${name} gets ${status} ${code}, and its connection ends with nothing dispatched`, async (t) => {
    let calls = 0;
    const count = async (command: Parameters<typeof echo>[0]) => {
      calls++;
      return echo(command);
    };
    const endpoint = await runEndpoint(t, count);
    const answer = await new RawClient(endpoint.port).send(sent).closed;
    t.true(answer.startsWith(`HTTP/1.1 ${status} `), answer);
    t.true(answer.includes(`\r\nperdure-error-code: ${code}\r\n`), answer);
    t.is(/\r\nallow: *\r\n/.test(answer), status === "405", answer);
    await new RawClient(endpoint.port).send(sent + GET).closed;
    t.is(calls, 0);
    await serves(t, endpoint);
  });
}

test("CONNECT behind an open request is not answered in its place", async (t) => {
  const endpoint = await runEndpoint(t, () => new Promise(() => undefined));
  const tunnel = "CONNECT x:1 HTTP/1.1\r\nhost: x:1\r\n\r\n";
  t.is(await new RawClient(endpoint.port).send(GET + tunnel).closed, "");
});

test("HTTP/1.0 has no Host to be missing", async (t) => {
  const endpoint = await runEndpoint(t);
  t.regex(
    await new RawClient(endpoint.port).send("GET /books/1 HTTP/1.0\r\n\r\n").closed,
    /^HTTP\/1\.1 200 /,
  );
});

test("a fragment over HTTP/2 gets 400 MALFORMED_REQUEST; written as %23 it is a part of the key", async (t) => {
  const endpoint = await runEndpoint(t);
  const refusal = await HTTP_CLIENTS["HTTP/2"](endpoint.port, { path: "/books/1#2" });
  t.is(refusal.status, 400);
  t.is(refusal.headers["perdure-error-code"], "MALFORMED_REQUEST");
  await readText(refusal.body);
  const { body } = await HTTP_CLIENTS["HTTP/2"](endpoint.port, { path: "/books/1%232" });
  t.regex(await readText(body), /"isbn":"1#2"/);
});
