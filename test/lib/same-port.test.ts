// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import { createServer } from "node:net";

import test from "ava";

import { onSamePort } from "./same-port.ts";

async function listen(port: number): Promise<Server> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

test("a server gets its port as soon as nobody else has it any more", async (t) => {
  const first = await listen(0);
  const { port } = first.address() as AddressInfo;
  let tries = 0;
  const second = await onSamePort(() => {
    if (++tries === 3) first.close();
    return listen(port);
  });
  t.true(tries >= 3);
  second.close();
});

test("other failures are not tried again", async (t) => {
  let tries = 0;
  const fail = () => Promise.reject(new Error(`failure ${++tries}`));
  await t.throwsAsync(onSamePort(fail), { message: "failure 1" });
});
