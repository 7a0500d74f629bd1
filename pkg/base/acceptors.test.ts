// SPDX-License-Identifier: Apache-2.0

import type { AddressInfo, Server } from "node:net";
import { createServer } from "node:net";

import test from "ava";

import { onSamePort } from "../../test/lib/same-port.ts";
import { listenTogether } from "./acceptors.ts";

const HOST = "127.0.0.1";

function port(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** A port that was free a moment ago. */
async function formerPort(): Promise<number> {
  const server = createServer();
  const acceptors = await listenTogether(server, { port: 0, host: HOST }, () => undefined);
  const found = port(server);
  server.close();
  await acceptors.close();
  return found;
}

test("two servers never share a port, however close together they ask for it", async (t) => {
  for (let turns = 0; turns < 12; turns++) {
    const wanted = await formerPort();
    const servers = [createServer(), createServer()];
    const results = await Promise.allSettled(
      servers.map(async (server, index) => {
        // The second one asks while the first one is somewhere between its look at the port and its last socket.
        for (let turn = 0; turn < index * turns; turn++)
          await new Promise((resolve) => process.nextTick(resolve));
        return listenTogether(server, { port: wanted, host: HOST }, () => undefined);
      }),
    );
    const got = results.filter((result) => result.status === "fulfilled");
    t.true(got.length < 2, `after ${turns} turns`);
    for (const result of results)
      if (result.status === "rejected") t.is((result.reason as NodeJS.ErrnoException).code, "EADDRINUSE");
    for (const server of servers) if (server.listening) server.close();
    await Promise.all(got.map(({ value }) => value.close()));
  }
});

test("servers that take any port get different ones", async (t) => {
  const servers = Array.from({ length: 20 }, () => createServer());
  const all = await Promise.all(
    servers.map((server) => listenTogether(server, { port: 0, host: HOST }, () => undefined)),
  );
  t.is(new Set(servers.map(port)).size, 20);
  for (const server of servers) server.close();
  await Promise.all(all.map((acceptors) => acceptors.close()));
});

test("a port that was given back can be had again", async (t) => {
  for (let round = 0; round < 3; round++) {
    const wanted = await formerPort();
    const again = createServer();
    const listen = () => listenTogether(again, { port: wanted, host: HOST }, () => undefined);
    const others = await onSamePort(listen);
    t.is(port(again), wanted);
    again.close();
    await others.close();
  }
});
