// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { startAdminServer } from "./admin.ts";
import type { Check } from "./admin.ts";

const NOTHING = { checks: () => [], drain: async () => "" };

test("alive always, ready when every check holds, and verbose says which do not", async (t) => {
  let checks: Check[] = [
    { name: "log", problem: undefined },
    { name: "user function", problem: "not reachable yet" },
  ];
  const drains: string[] = [];
  const admin = await startAdminServer("127.0.0.1", 0, {
    checks: () => checks,
    drain: async () => `drained ${drains.push("asked")}`,
  });
  t.teardown(() => admin.close());
  const get = async (path: string, method = "GET") => {
    const response = await fetch(`http://127.0.0.1:${admin.port}${path}`, { method });
    return [response.status, await response.text()];
  };
  t.deepEqual(await get("/livez"), [200, "ok\n"]);
  t.deepEqual(await get("/readyz"), [503, "[-] user function: not reachable yet\nnot ready\n"]);
  t.deepEqual(await get("/readyz?verbose"), [
    503,
    "[+] log\n[-] user function: not reachable yet\nnot ready\n",
  ]);
  checks = checks.map(({ name }) => ({ name, problem: undefined }));
  t.deepEqual(await get("/readyz"), [200, "ok\n"]);
  t.deepEqual(await get("/readyz?verbose"), [200, "[+] log\n[+] user function\nok\n"]);
  t.is((await get("/other"))[0], 404);
  t.is((await get("/livez", "POST"))[0], 405);

  t.is((await get("/drain", "HEAD"))[0], 405);
  t.deepEqual(drains, []);
  t.deepEqual(await get("/drain"), [200, "drained 1\n"]);
  t.deepEqual(await get("/drain", "POST"), [200, "drained 2\n"]);
});

test("a port that is taken is a clear error", async (t) => {
  const admin = await startAdminServer("127.0.0.1", 0, NOTHING);
  t.teardown(() => admin.close());
  const error = await t.throwsAsync(startAdminServer("127.0.0.1", admin.port, NOTHING), {
    code: "ADMIN_PORT_IN_USE",
  });
  t.regex(error?.message ?? "", new RegExp(`port ${admin.port}.*--admin-port`));
});
