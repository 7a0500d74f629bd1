// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { modulesLoadedFor } from "../../test/lib/loaded-modules.ts";

test("the webhook reads addresses of logs, and loads no log: not SQLite, not NATS's client", (t) => {
  const loaded = modulesLoadedFor(new URL("mod.ts", import.meta.url));
  t.true(loaded.some((url) => url.endsWith("/pkg/eventlog/address/mod.ts")));
  t.deepEqual(
    loaded.filter(
      (url) => url === "node:sqlite" || /@nats-io|\/pkg\/eventlog\/(mod|sqlite|jetstream)/.test(url),
    ),
    [],
  );
});
