// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { collectGarbage } from "../base/mod.ts";

import { until } from "../../test/lib/until.ts";
import { echo, GET, PUT, RawClient, runEndpoint } from "./testdata/running-endpoint.ts";

const CONNECTIONS = 8;
const WAITING = 30;
/** Almost as many as `--max-header-bytes` allows: 6 KB on the wire, and 42 KiB in memory. */
const FIELDS = 1_000;
const MAX_GROWTH_BYTES = 6_000_000;

const trailers = Array.from({ length: FIELDS }, (_, index) => `t${index.toString(36)}:\r\n`).join("");
const chunked = `${PUT}transfer-encoding: chunked\r\n\r\n0\r\n`;

test("trailers of requests that wait for their turn are not kept (I11)", async (t) => {
  const released = Promise.withResolvers<void>();
  const endpoint = await runEndpoint(t, async (command) => {
    await released.promise;
    return echo(command);
  });
  const { requests } = endpoint.accounts;
  const send = async (end: string): Promise<RawClient[]> => {
    const before = requests.used;
    const all = GET + `${chunked}${end}\r\n`.repeat(WAITING);
    const clients = Array.from({ length: CONNECTIONS }, () => new RawClient(endpoint.port).send(all));
    await until("all have come", () => requests.used - before === CONNECTIONS * (1 + WAITING));
    return clients;
  };
  const heapBytes = (): number => {
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  await send("");
  const before = heapBytes();
  const clients = await send(trailers);
  const grown = heapBytes() - before;
  t.true(grown < MAX_GROWTH_BYTES, `${grown} bytes for ${CONNECTIONS * WAITING} requests`);
  released.resolve();
  for (const client of clients) {
    while ((client.received.match(/HTTP\/1.1 \d/g) ?? []).length < 1 + WAITING && !client.socket.closed)
      await new Promise((resolve) => client.socket.once("data", resolve).once("close", resolve));
    t.false(client.socket.closed);
    client.socket.destroy();
  }
});
