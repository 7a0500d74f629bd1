// SPDX-License-Identifier: Apache-2.0

import { globSync } from "node:fs";
import { join } from "node:path";

import test from "ava";

import { loadAttacks } from "./attacks.ts";

test("an attack has the name of its file, and at least one way", async (t) => {
  const folder = join(import.meta.dirname, "attacks");
  const files = globSync("*.ts", { cwd: folder, exclude: ["*.test.ts"] }).sort();
  const attacks = await loadAttacks();
  t.deepEqual(
    attacks.map(({ name }) => `${name}.ts`),
    files,
  );
  for (const { name, ways, shortWays = [] } of attacks) {
    t.true(
      shortWays.every((way) => way in ways),
      name,
    );
    t.true(Object.keys(ways).length > 0, name);
    for (const way of Object.keys(ways)) t.regex(way, /^[a-z0-9-]+$/, name);
  }
});
