// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";

import test from "ava";

import { METRICS_PAGE, metricsPage } from "./metrics.ts";

test("docs/metrics.md says what the declarations say (else run: node hack/metrics.ts)", (t) => {
  t.is(readFileSync(METRICS_PAGE, "utf8"), metricsPage());
});
