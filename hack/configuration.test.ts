// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";

import test from "ava";

import { CONFIGURATION_PAGE, configurationPage } from "./configuration.ts";

test("docs/configuration.md says what the declaration says (else run: node hack/configuration.ts)", (t) => {
  t.is(readFileSync(CONFIGURATION_PAGE, "utf8"), configurationPage());
});
