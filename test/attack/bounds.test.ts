// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { loadAttacks } from "./attacks.ts";
import { BOUND_NAMES, switchedOff } from "./bounds.ts";

test("a bound is switched off by the greatest value of its setting", (t) => {
  t.deepEqual(switchedOff(["max-buffered-bytes", "headers-timeout"]), {
    kind: "off",
    flags: { "max-buffered-bytes": "68719476736", "headers-timeout": "86400000" },
  });
});

test("every bound holds an attack", async (t) => {
  const named = new Set((await loadAttacks()).flatMap(({ bounds }) => bounds));
  t.deepEqual(
    BOUND_NAMES.filter((name) => !named.has(name)),
    [],
  );
});

test("a bound of the webhook has a flag of the webhook", (t) => {
  t.deepEqual(switchedOff(["webhook-max-body-bytes", "drain-secret"]), {
    kind: "off",
    flags: { "max-body-bytes": "67108864", "drain-secret": "" },
  });
});

test("every bound is a setting of this build", (t) => {
  t.is(switchedOff(BOUND_NAMES).kind, "off");
});
