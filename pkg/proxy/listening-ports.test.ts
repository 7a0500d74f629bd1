// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";

import test from "ava";

import { listeningSockets, parseSocketTable } from "./listening-ports.ts";

const HEAD =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const REST = "00000000:00000000 00:00000000 00000000 65532        0 30101 1 0000000000000000 100 0 0 10 0\n";

test("of a table of the kernel the sockets that take connections are read, of both families", (t) => {
  const table =
    `${HEAD}   0: 0100007F:1F90 00000000:0000 0A ${REST}` +
    `   1: 0302000A:0BB8 00000000:0000 0A ${REST}` +
    `   2: 0100007F:1F90 0100007F:C350 01 ${REST}`;
  t.deepEqual(parseSocketTable(table), [
    { address: "127.0.0.1", port: 8_080 },
    { address: "10.0.2.3", port: 3_000 },
  ]);
  const none = "0".repeat(32);
  const loopback = "00000000000000000000000001000000";
  const table6 = `${HEAD}   0: ${none}:1F90 ${none}:0000 0A ${REST}  11: ${loopback}:0050 ${none}:0000 0A ${REST}`;
  t.deepEqual(parseSocketTable(table6), [
    { address: "::", port: 8_080 },
    { address: loopback, port: 80 },
  ]);
  t.deepEqual(parseSocketTable(""), []);
  t.deepEqual(parseSocketTable("what is this?\n".repeat(3)), []);
});

const onLinux = process.platform === "linux" ? test : test.skip;

onLinux("a server of this machine is found while it listens, at its address", async (t) => {
  const server = createServer().listen({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const isFound = () => listeningSockets().some((each) => each.port === port && each.address === "127.0.0.1");
  t.true(isFound());
  server.close();
  await once(server, "close");
  t.false(isFound());
});
