// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";

import { bySize } from "../lib/by-size.ts";
import { natsSerialTest } from "../lib/nats/nats-test.ts";
import { drawPlan } from "./plan.ts";
import { outcomeLine, planLine } from "./report.ts";
import { runRound } from "./round.ts";

/** How long requests take depends on what else the machine does, so it is shown and not judged. */
async function noRequestFails(t: ExecutionContext, replicas: 1 | 3): Promise<void> {
  t.timeout(300_000);
  const drawn = drawPlan(1, { scenario: "rolling", replicas });
  const small = { entities: 200, proxies: 3, steps: drawn.steps.slice(0, 3) };
  const plan = bySize({ full: drawn, short: { ...drawn, ...small } });
  t.log(planLine(plan));
  const outcome = await runRound(t, plan);
  t.log(outcomeLine(outcome));
  t.deepEqual(outcome.violations, []);
}

natsSerialTest("proxies go, come and are replaced, and no request fails (I9)", (t) => noRequestFails(t, 1));

natsSerialTest("and so it is with three servers", (t) => noRequestFails(t, 3));
