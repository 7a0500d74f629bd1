// SPDX-License-Identifier: Apache-2.0
//
// What is in the terminal of `perdure dev`, and what a caller gets, if a handler throws or refuses.

import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import test from "ava";

import { PerdureProcess } from "./test-lib/perdure-process.ts";

const ROOT = join(import.meta.dirname, "../..");
const CART = join(ROOT, "samples/shopping-cart");

test("a throw is told once, with its stack, the entity and the command; a refusal is for its caller alone", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "perdure-throw-"));
  const cart = join(folder, "cart");
  cpSync(CART, cart, { recursive: true, filter: (path) => !path.endsWith("node_modules") });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const source = readFileSync(join(cart, "cart.ts"), "utf8");
  const throwing = source.replace("getCart(_command, { state }) {", (head) => {
    return `${head}\n      if (state.items.length === 0) throw new RangeError("boom");`;
  });
  t.not(throwing, source);
  writeFileSync(join(cart, "cart.ts"), throwing);
  const dev = new PerdureProcess(["dev", "--dir", "cart", "--http-port", "0"], folder);
  t.teardown(async () => {
    dev.signal("SIGKILL");
    await dev.exit();
    if (!t.passed) t.log(dev.text);
    rmSync(folder, { recursive: true, force: true });
  });
  const url = (await dev.find(/^ready (http:\/\/127\.0\.0\.1:\d+)$/))[1] as string;

  const refused = await fetch(`${url}/cart/ann/items/p9/remove`, { method: "POST" });
  t.is(refused.status, 404);
  t.like(await refused.json(), { code: 5, message: "Cannot remove item p9, because it is not in the cart" });

  const thrown = await fetch(`${url}/carts/ann`);
  t.is(thrown.status, 500);
  t.like(await thrown.json(), {
    code: 2,
    message: "Unexpected entity failure: the log of the user function says why",
  });
  await fetch(`${url}/carts/bob`);
  await dev.find(/ShoppingCart\/GetCart, entity shopping-cart\/bob: RangeError: boom$/);
  const told = dev.lines.filter((line) => line.includes("boom") && !line.includes("bob"));
  const where = "com.example.shoppingcart.ShoppingCart/GetCart, entity shopping-cart/ann";
  t.deepEqual(
    told.map((line) => line.replace(/^.*\| /, "")),
    [`perdure: Unexpected failure in ${where}: RangeError: boom`],
  );
  const next = dev.lines[dev.lines.indexOf(told[0] ?? "") + 1] ?? "";
  t.regex(next, /\| {5}at .*getCart .*cart\.ts:\d+:\d+/);
  t.false(dev.lines.some((line) => line.includes("Cannot remove item")));
});
