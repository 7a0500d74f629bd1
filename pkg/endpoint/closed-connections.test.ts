// SPDX-License-Identifier: Apache-2.0

/** A connection that is closed leaves nothing in memory, whatever was sent on it (I11). */

import { Socket } from "node:net";
import { queryObjects } from "node:v8";

import test from "ava";

import { until } from "../../test/lib/until.ts";
import { HTTP_CLIENTS, readText } from "./testdata/http-clients.ts";
import { BOOK, GET, PUT, RawClient, runEndpoint } from "./testdata/running-endpoint.ts";
import { handshakeBytes } from "./testdata/web-sockets.ts";

const CONNECTIONS = 50;
/**
 * Sockets that may be left: those of the test process itself, and the last ones, because Node may still hold one end
 * of them.
 */
const FEW = 5;

const PREFACE = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  // An empty frame of settings.
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

type Visit = (port: number) => Promise<void>;

const sends =
  (bytes: string | Buffer, answer?: string): Visit =>
  async (port) => {
    const client = new RawClient(port).send(bytes);
    if (answer === undefined) await new Promise((resolve) => client.socket.once("connect", resolve));
    else await client.until(answer);
    client.socket.destroy();
    await client.closed;
  };

const VISITS: Readonly<Record<string, Visit>> = {
  "nothing was sent": sends(""),
  "a request of HTTP/1.1 was answered": sends(GET, BOOK),
  "half a body was sent": sends(`${PUT}content-length: 100\r\n\r\n{`),
  "HTTP/2 was begun": sends(PREFACE, "\0"),
  "a request of HTTP/2 was answered": async (port) => {
    const { body, leave } = await HTTP_CLIENTS["HTTP/2"](port, { method: "GET", path: "/books/1" });
    await readText(body);
    leave();
  },
  "a WebSocket was opened": sends(handshakeBytes("Chat"), "\r\n\r\n"),
};

for (const [what, visit] of Object.entries(VISITS)) {
  test.serial(`nothing is left of connections on which ${what}`, async (t) => {
    const { port } = await runEndpoint(t);
    const sockets = (): number => queryObjects(Socket, { format: "count" });
    const before = sockets();
    for (let count = 0; count < CONNECTIONS; count++) await visit(port);
    await until("the connections are forgotten", () => sockets() <= before + FEW);
    t.pass();
  });
}
