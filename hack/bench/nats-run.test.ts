// SPDX-License-Identifier: Apache-2.0
// What bench.test.ts leaves out, since it takes a minute: `npm run faults`.

import { natsTest } from "../nats/nats-test.ts";
import { MEMBERS, quickRun } from "./quick-run.ts";

natsTest(
  "a quick run with NATS measures everything, with both ways to sync, cold activations and many entities",
  async (t) => {
    const { rows, stdout } = await quickRun(t, "nats");
    for (const row of rows) {
      const publishes = String(row["case"]).endsWith(" publish");
      t.deepEqual(Object.keys(row), publishes ? [...MEMBERS, "perCpuSecond"] : MEMBERS);
      if (publishes) t.true(Number(row["perCpuSecond"]) > 0, JSON.stringify(row));
    }
    const parts = [/command, 1 caller, p50/, /unpacked, warm/, /unpacked, cold/, /10000 entities filled/];
    for (const part of [...parts, /start after SIGKILL/, /random one, cold/]) t.regex(stdout, part);
  },
);
