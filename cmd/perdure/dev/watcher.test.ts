// SPDX-License-Identifier: Apache-2.0

import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import test from "ava";
import type { ExecutionContext } from "ava";

import { systemClock } from "../../../pkg/base/mod.ts";
import { watchFolder } from "./watcher.ts";

/** A folder with a file and an ignored one, and the next burst of changes in it. */
function watched(t: ExecutionContext) {
  const folder = mkdtempSync(join(tmpdir(), "perdure-watch-"));
  mkdirSync(join(folder, "node_modules"));
  mkdirSync(join(folder, "src"));
  writeFileSync(join(folder, "src/cart.ts"), "");
  let burst = Promise.withResolvers<readonly string[]>();
  const unwatch = watchFolder({
    folder,
    quietMs: 100,
    clock: systemClock,
    onChange: (files) => burst.resolve(files),
    onError: (error) => burst.reject(error),
  });
  t.teardown(() => {
    unwatch();
    rmSync(folder, { recursive: true });
  });
  const next = async (change: () => void): Promise<string[]> => {
    burst = Promise.withResolvers();
    change();
    return [...(await burst.promise)].sort();
  };
  return { next, path: (file: string) => join(folder, file) };
}

test("a burst of changes is one change, and what is ignored is none", async (t) => {
  const { next, path } = watched(t);
  const files = await next(() => {
    writeFileSync(path("node_modules/x.js"), "1");
    writeFileSync(path(".hidden"), "1");
    writeFileSync(path("src/cart.ts"), "1");
    writeFileSync(path("main.ts"), "1");
  });
  t.deepEqual(files, ["main.ts", "src/cart.ts"]);
});

test("files in new folders count, and files that an editor puts in place of others", async (t) => {
  const { next, path } = watched(t);
  t.true((await next(() => mkdirSync(path("lib")))).includes("lib"));
  t.deepEqual(await next(() => writeFileSync(path("lib/new.ts"), "1")), ["lib/new.ts"]);
  const replaced = await next(() => {
    writeFileSync(path("src/cart.ts~"), "2");
    renameSync(path("src/cart.ts~"), path("src/cart.ts"));
  });
  t.deepEqual(replaced, ["src/cart.ts"]);
});
