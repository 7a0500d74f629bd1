// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";

import test from "ava";

import { ANNOTATIONS_PAGE, CONFIG_MAP, configMap, withTables } from "./annotations.ts";

test("docs/annotations.md says what the declaration says (else run: node hack/annotations.ts)", (t) => {
  const page = readFileSync(ANNOTATIONS_PAGE, "utf8");
  t.is(page, withTables(page));
});

test("config-perdure is what the declaration makes of it (else run: node hack/annotations.ts)", (t) => {
  t.is(readFileSync(CONFIG_MAP, "utf8"), configMap());
});
