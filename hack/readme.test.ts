// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { join } from "node:path";

import test from "ava";

const ROOT = join(import.meta.dirname, "..");

/** Lines of the entity that the README shows. More than this is not "a few lines" any more. */
const MAX_LINES = 10;

test("the README shows the sample's code as it is", (t) => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const code = readFileSync(join(ROOT, "samples", "seats", "seat.ts"), "utf8");
  const shown = code.slice(code.indexOf("export const"));
  t.true(readme.includes(`\`\`\`ts\n${shown}\`\`\``), "copy samples/seats/seat.ts into README.md anew");
  t.true(shown.trimEnd().split("\n").length <= MAX_LINES);
});
