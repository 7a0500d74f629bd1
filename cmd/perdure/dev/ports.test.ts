// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";

import test from "ava";

import { isFreePort } from "../../../pkg/base/mod.ts";

import { until } from "../../../test/lib/until.ts";
import type { WantedPorts } from "./ports.ts";
import { choosePorts } from "./ports.ts";

const WANTED: WantedPorts = {
  httpHost: "127.0.0.1",
  adminHost: "127.0.0.1",
  http: 9_000,
  isHttpChosen: false,
  admin: 9_010,
  isAdminChosen: false,
};

const chooseAll = (count: number, wanted: Partial<WantedPorts>, taken: readonly number[]) =>
  choosePorts(count, { ...WANTED, ...wanted }, async (_host, port) => !taken.includes(port));

const choose = async (wanted: Partial<WantedPorts>, taken: readonly number[]) =>
  (await chooseAll(1, wanted, taken))[0];

test("the default port, or the next free one, and the admin port ten above", async (t) => {
  t.deepEqual(await choose({}, []), { http: 9_000, admin: 9_010, taken: undefined });
  t.deepEqual(await choose({}, [9_000, 9_010]), { http: 9_001, admin: 9_011, taken: 9_000 });
  t.deepEqual(await choose({}, [9_000, 9_001, 9_002]), { http: 9_003, admin: 9_013, taken: 9_000 });
});

test("a port that was chosen stays, also if it is in use", async (t) => {
  t.deepEqual(await choose({ http: 9_100, isHttpChosen: true }, [9_100]), {
    http: 9_100,
    admin: 9_110,
    taken: undefined,
  });
  t.like(await choose({ http: 0, isHttpChosen: true }, []), { http: 0, admin: 0 });
  t.like(await choose({ admin: 7, isAdminChosen: true }, [7]), { http: 9_000, admin: 7 });
});

test("the admin port gives way, since its caller reads where it is", async (t) => {
  t.deepEqual(await choose({}, [9_010]), { http: 9_000, admin: 0, taken: undefined });
  t.like(await choose({ http: 65_530, isHttpChosen: true }, []), { admin: 0 });
});

test("where nothing is free for long, the default is what is refused by name", async (t) => {
  const [none] = await choosePorts(1, WANTED, async () => false);
  t.deepEqual(none, { http: 9_000, admin: 0, taken: undefined });
});

test("each further proxy has the next free port, and none that another one has", async (t) => {
  const pairs = async (...args: Parameters<typeof chooseAll>) =>
    (await chooseAll(...args)).map(({ http, admin }) => [http, admin]);
  t.deepEqual(await pairs(3, {}, [9_001]), [
    [9_000, 9_010],
    [9_002, 9_012],
    [9_003, 9_013],
  ]);
  t.deepEqual(await pairs(2, { http: 9_100, isHttpChosen: true, admin: 9_101, isAdminChosen: true }, []), [
    [9_100, 9_101],
    [9_102, 9_112],
  ]);
  t.deepEqual(
    (await pairs(3, {}, [9_002, 9_003, 9_004, 9_005, 9_006, 9_007, 9_008, 9_009]))[2],
    [9_012, 9_022],
  );
  t.deepEqual(await pairs(2, { http: 0, isHttpChosen: true }, []), [
    [0, 0],
    [0, 0],
  ]);
  t.deepEqual((await pairs(2, { http: 65_535, isHttpChosen: true }, []))[1], [0, 0]);
});

test("a port that a server has is not free", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  t.false(await isFreePort("127.0.0.1", port));
  server.close();
  await once(server, "close");
  // A process that another test starts may have a copy of the socket for a moment.
  await until("it is free", () => isFreePort("127.0.0.1", port));
  t.pass();
});
