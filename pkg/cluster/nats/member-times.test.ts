// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { defaultsOf } from "../../settings/mod.ts";
import { DEFAULT_MEMBER_TIMES } from "../node/mod.ts";

import { CLUSTER_SETTINGS } from "../settings.ts";
import { memberTimes } from "./member-times.ts";

const DEFAULTS = defaultsOf(CLUSTER_SETTINGS);

test("the default settings are the times that the simulation runs with", (t) => {
  t.deepEqual(memberTimes(DEFAULTS), DEFAULT_MEMBER_TIMES);
});

test("times that follow from others keep their proportion", (t) => {
  const times = memberTimes({ ...DEFAULTS, memberTtlMs: 20_000, heartbeatIntervalMs: 2_000 });
  t.like(times, { renewEveryMs: 4_000, fenceMarginMs: 6_000, silentAfterMs: 2_500, pingEveryMs: 500 });
});

test("a time to live of less than four leases is refused", (t) => {
  t.notThrows(() => memberTimes({ ...DEFAULTS, leaseMs: 1_000, memberTtlMs: 4_000 }));
  t.throws(() => memberTimes({ ...DEFAULTS, leaseMs: 1_001, memberTtlMs: 4_000 }), {
    code: "BAD_SETTING",
    message: "PERDURE_MEMBER_TTL_MS must be at least 4004, not 4000, because PERDURE_LEASE_MS is 1001",
  });
});
