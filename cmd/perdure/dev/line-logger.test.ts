// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { createLineLogger } from "./line-logger.ts";
import { PLAIN } from "./style.ts";

test("a line for people is cut where a function's text is long, as the proxy's own lines are", (t) => {
  const lines: string[] = [];
  const logger = createLineLogger("info", PLAIN, (line) => lines.push(line));
  logger.debug("not asked for");
  logger.warn("side effect failed", { error: new Error("x".repeat(50_000)), attempt: 1, list: ["a", "b"] });
  t.deepEqual(lines, [
    `warn side effect failed error=${"x".repeat(1_000)}… (49000 more characters) attempt=1`,
    "  - a",
    "  - b",
  ]);
});
