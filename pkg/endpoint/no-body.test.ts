// SPDX-License-Identifier: Apache-2.0
//
// A request of HTTP/1.1 with neither `content-length` nor `transfer-encoding` has no body (RFC 9112, 6.3). Node makes
// its stream ended from the start, so whoever waits for the end of the body would wait for ever.

import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";

import test from "ava";

import { echo, runEndpoint } from "./testdata/running-endpoint.ts";

const TALKS = "/perdure.test.library.Talks";
const WEB = "content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\n";

/** Sends one request after the other on one connection, and returns all answers. */
async function exchange(port: number, heads: readonly string[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const last = heads.length - 1;
  for (const [index, head] of heads.entries())
    socket.write(`${head}host: a\r\n${index === last ? "connection: close\r\n" : ""}\r\n`);
  return text(socket);
}

test("requests without a body are answered at once, each in its turn", async (t) => {
  const endpoint = await runEndpoint(t, echo, {}, async function* ({ input }) {
    let count = 0;
    for await (const _ of input) count++;
    yield { payload: Buffer.from(`${count} messages`), metadata: [] };
  });
  const answers = await exchange(endpoint.port, [
    "GET /books/1 HTTP/1.1\r\n",
    "POST /nowhere HTTP/1.1\r\n",
    `POST ${TALKS}/Say HTTP/1.1\r\n${WEB}`,
    `POST ${TALKS}/Chat HTTP/1.1\r\n${WEB}`,
  ]);
  t.deepEqual(
    [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status),
    ["200", "404", "200", "200"],
  );
  t.regex(answers, /0 messages/);
});
