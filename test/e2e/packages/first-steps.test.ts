// SPDX-License-Identifier: Apache-2.0
//
// Takes ten seconds, so it runs with `npm run e2e` and not with `npm test`.

import test from "ava";

import { follow } from "../pages/lib/follow.ts";

test("docs/first-steps.md: every command prints what the page shows, and a cart outlives kill -9", async (t) => {
  await follow(t, "docs/first-steps.md");
});
