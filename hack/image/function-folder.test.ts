// SPDX-License-Identifier: Apache-2.0

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import { temporaryFolder } from "../../test/lib/processes.ts";
import { functionIn } from "./function-folder.ts";
import { programFiles } from "./program-image.ts";

/** A user function that listens on the given host and port. With `HANDLER` it ends by itself after SIGTERM. */
const SERVER = `
import { createServer } from "node:net";
const server = createServer().listen(Number(process.env.PORT), process.env.HOST);
`;
const HANDLER = 'process.on("SIGTERM", () => server.close());';

function folderWith(t: ExecutionContext, files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder(t);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

test("a folder is a function by its main file and its package's name", (t) => {
  const scoped = folderWith(t, {
    "main.js": "",
    "package.json": '{"name": "@shop/My_Cart", "main": "index.js"}',
  });
  t.like(functionIn(scoped), { root: scoped, entry: "main.js", image: "dev.local/my-cart" });
  const other = folderWith(t, { "server.ts": "", "package.json": '{"main": "server.ts"}' });
  t.like(functionIn(other), { entry: "server.ts" });
  t.like(functionIn(scoped, "main.js"), { entry: "main.js" });
});

test("what is no function is refused with what is missing", (t) => {
  t.throws(() => functionIn("/nonexistent"), { message: /neither a program nor a folder/ });
  const empty = folderWith(t, { "package.json": '{"main": "index.js"}' });
  t.throws(() => functionIn(empty), { message: /has neither main.ts nor main.js; --entry says/ });
  t.throws(() => functionIn(empty, "../main.ts"), { message: /has no file \.\.\/main\.ts/ });
});

test("a function is run once: its compiled code is kept if it ends in order, and nothing else is asked", async (t) => {
  const orderly = folderWith(t, { "main.js": SERVER + HANDLER });
  const paths = (await programFiles(functionIn(orderly), temporaryFolder(t))).map(({ to }) => to);
  t.true(paths.includes("/app/main.mjs"));
  t.true(paths.includes("/app/cache"));

  const abrupt = folderWith(t, { "main.js": SERVER });
  const work = temporaryFolder(t);
  await programFiles(functionIn(abrupt), work);
  t.deepEqual(
    readdirSync(join(work, "app"))
      .filter((name) => !name.endsWith(".map"))
      .sort(),
    ["LICENSES.txt", "main.mjs", "package.json"],
  );
  t.regex(readFileSync(join(work, "app", "LICENSES.txt"), "utf8"), / - UNLICENSED$/m);
});

test("a function that does not listen makes no image, with what it said", async (t) => {
  const deaf = folderWith(t, { "main.js": 'console.error("no DATABASE_URL"); process.exitCode = 3;' });
  await t.throwsAsync(programFiles(functionIn(deaf), temporaryFolder(t)), {
    message: /ended with 3 before it listened on PORT in a trial run:\nno DATABASE_URL/,
  });
  await t.notThrowsAsync(programFiles(functionIn(deaf), temporaryFolder(t), false));
});
