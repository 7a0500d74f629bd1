// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { Worker } from "node:worker_threads";

import test from "ava";

import { freePort, isFreePort } from "./free-port.ts";
import { systemRandom } from "./random.ts";

const HOST = "127.0.0.1";

test("no port is given twice in a row, and none that somebody listens on", async (t) => {
  const ports: number[] = [];
  for (let i = 0; i < 60; i++) ports.push(await freePort(HOST, systemRandom));
  t.is(new Set(ports).size, ports.length);
  const server = createServer().listen(0, HOST);
  t.teardown(() => server.close());
  await once(server, "listening");
  t.false(await isFreePort(HOST, (server.address() as AddressInfo).port));
});

test("two threads get different ports, whatever random numbers they draw", async (t) => {
  const file = JSON.stringify(new URL("./free-port.ts", import.meta.url).href);
  const code = `
    const { parentPort } = require("node:worker_threads");
    import(${file}).then(async ({ freePort }) => parentPort.postMessage(await freePort("127.0.0.1", () => 0.5)));
  `;
  const inThread = async (): Promise<number> => {
    const worker = new Worker(code, { eval: true });
    const [port] = (await once(worker, "message")) as [number];
    await worker.terminate();
    return port;
  };
  const ports = await Promise.all([inThread(), inThread(), inThread()]);
  t.is(new Set(ports).size, 3, ports.join());
});
