// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { modulesLoadedFor } from "../../test/lib/loaded-modules.ts";

test("a proxy that is alone loads nothing of what several proxies need", (t) => {
  const loaded = modulesLoadedFor(new URL("mod.ts", import.meta.url));
  t.true(loaded.some((url) => url.endsWith("/pkg/proxy/parts/cluster-part.ts")));
  const ofSeveral = /\/pkg\/(?:cluster\/(?:node|nats|forward)|proxy\/cluster|router\/wire)\//;
  t.deepEqual(
    loaded.filter((url) => ofSeveral.test(url)),
    [],
  );
});
