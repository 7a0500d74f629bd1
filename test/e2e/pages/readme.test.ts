// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { follow } from "./lib/follow.ts";

test("README.md: every command prints what the page shows, and a seat outlives kill -9", async (t) => {
  await follow(t, "README.md");
});
