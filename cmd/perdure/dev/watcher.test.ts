// SPDX-License-Identifier: Apache-2.0

import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import { systemClock } from "../../../pkg/base/mod.ts";

import { watchFolder } from "./watcher.ts";

/** Watches a folder with a few files, and records which changes are seen in it. */
async function watched(t: ExecutionContext) {
  const folder = mkdtempSync(join(tmpdir(), "perdure-watch-"));
  mkdirSync(join(folder, "node_modules"));
  mkdirSync(join(folder, "src"));
  mkdirSync(join(folder, ".elsewhere/shared"), { recursive: true });
  writeFileSync(join(folder, ".elsewhere/shared/types.ts"), "");
  symlinkSync(join(folder, ".elsewhere/shared"), join(folder, "shared"));
  writeFileSync(join(folder, "src/cart.ts"), "");
  let seen = new Set<string>();
  let look: (() => void) | undefined;
  const watcher = watchFolder({
    folder,
    quietMs: 100,
    clock: systemClock,
    onChange: (files) => {
      for (const file of files) seen.add(file);
      look?.();
    },
    onError: (error) => t.fail(error.message),
  });
  t.teardown(() => {
    watcher.close();
    rmSync(folder, { recursive: true });
  });
  await watcher.ready;
  /** Makes a change and waits until all of these have been seen, however many bursts they come in. */
  const sees = async (files: readonly string[], change: () => void): Promise<void> => {
    seen = new Set();
    const all = new Promise<void>((resolve) => {
      look = () => {
        if (files.every((file) => seen.has(file))) resolve();
      };
    });
    change();
    await all;
  };
  return { sees, seen: () => [...seen].sort(), path: (file: string) => join(folder, file) };
}

/** Saves as most editors do: writes another file and renames it over the first. */
function replace(path: string, text: string): void {
  writeFileSync(`${path}.tmp`, text);
  renameSync(`${path}.tmp`, path);
}

test("a burst of changes is one change, and what is ignored is none", async (t) => {
  const { sees, seen, path } = await watched(t);
  await sees(["main.ts", "src/cart.ts"], () => {
    writeFileSync(path("node_modules/x.js"), "1");
    writeFileSync(path(".hidden"), "1");
    writeFileSync(path("src/cart.ts"), "1");
    writeFileSync(path("main.ts"), "1");
  });
  t.deepEqual(seen(), ["main.ts", "src/cart.ts"]);
});

test("a file that was replaced is still seen to change, whichever way it changes next", async (t) => {
  const { sees, path } = await watched(t);
  const cart = path("src/cart.ts");
  await sees(["src/cart.ts"], () => replace(cart, "1"));
  await sees(["src/cart.ts"], () => writeFileSync(cart, "2"));
  await sees(["src/cart.ts"], () => appendFileSync(cart, "3"));
  await sees(["src/cart.ts"], () => replace(cart, "4"));
  await sees(["src/cart.ts"], () => replace(cart, "5"));
  await sees(["src/cart.ts"], () => writeFileSync(cart, "6"));
  t.pass();
});

test("vim's way to save is seen each time: the old file becomes the backup, a new one is written", async (t) => {
  const { sees, seen, path } = await watched(t);
  const cart = path("src/cart.ts");
  for (const text of ["1", "2", "3"]) {
    await sees(["src/cart.ts"], () => {
      writeFileSync(path("src/4913"), "");
      unlinkSync(path("src/4913"));
      renameSync(cart, `${cart}~`);
      writeFileSync(cart, text);
      unlinkSync(`${cart}~`);
    });
    t.deepEqual(seen(), ["src/cart.ts"]);
  }
});

test("a file that is deleted and made anew is seen", async (t) => {
  const { sees, path } = await watched(t);
  for (const text of ["1", "2"]) {
    await sees(["src/cart.ts"], () => unlinkSync(path("src/cart.ts")));
    await sees(["src/cart.ts"], () => writeFileSync(path("src/cart.ts"), text));
    await sees(["src/cart.ts"], () => writeFileSync(path("src/cart.ts"), `${text}+`));
  }
  t.pass();
});

test("folders that are new are watched, however deep, and so is one that took another's place", async (t) => {
  const { sees, path } = await watched(t);
  await sees(["a/b/c/new.ts"], () => {
    mkdirSync(path("a/b/c"), { recursive: true });
    writeFileSync(path("a/b/c/new.ts"), "1");
  });
  await sees(["a/b/c/new.ts"], () => replace(path("a/b/c/new.ts"), "2"));
  await sees(["a/b/c/new.ts"], () => writeFileSync(path("a/b/c/new.ts"), "3"));
  await sees(["a"], () => rmSync(path("a"), { recursive: true }));
  await sees(["a/b/c/new.ts"], () => {
    mkdirSync(path("a/b/c"), { recursive: true });
    writeFileSync(path("a/b/c/new.ts"), "4");
  });
  await sees(["a/b/c/new.ts"], () => writeFileSync(path("a/b/c/new.ts"), "5"));
  t.pass();
});

test("what a link of the folder leads to is watched", async (t) => {
  const { sees, path } = await watched(t);
  await sees(["shared/types.ts"], () => replace(path(".elsewhere/shared/types.ts"), "1"));
  await sees(["shared/types.ts"], () => writeFileSync(path(".elsewhere/shared/types.ts"), "2"));
  t.pass();
});
