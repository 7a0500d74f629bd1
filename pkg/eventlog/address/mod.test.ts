// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { modulesLoadedFor } from "../../../test/lib/loaded-modules.ts";

test("addresses load no log: not SQLite, not NATS's client, no other file of the layer but its errors", (t) => {
  const loaded = modulesLoadedFor(new URL("mod.ts", import.meta.url));
  const ours = loaded.flatMap((url) => /\/pkg\/((?:eventlog|nats)\/.*)$/.exec(url)?.[1] ?? []);
  t.deepEqual(ours.sort(), [
    "eventlog/address/log-address.ts",
    "eventlog/address/log-kinds.ts",
    "eventlog/address/mod.ts",
    "eventlog/event-log.ts",
    "nats/address/mod.ts",
    "nats/address/nats-address.ts",
    "nats/nats-error.ts",
  ]);
  t.deepEqual(
    loaded.filter((url) => url === "node:sqlite" || url.includes("/node_modules/")),
    [],
  );
});

test("the door of the logs loads SQLite, so the check can see it", (t) => {
  t.true(modulesLoadedFor(new URL("../mod.ts", import.meta.url)).includes("node:sqlite"));
});
