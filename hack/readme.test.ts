// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { join } from "node:path";

import test from "ava";

const ROOT = join(import.meta.dirname, "..");

test("the README shows the sample's code as it is", (t) => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const code = readFileSync(join(ROOT, "samples", "shopping-cart", "cart.ts"), "utf8");
  const shown = code.slice(code.indexOf("import"));
  t.true(
    readme.includes(`\`\`\`ts\n${shown}\`\`\``),
    "copy samples/shopping-cart/cart.ts into README.md anew",
  );
});
