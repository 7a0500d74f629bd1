// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { isIgnored } from "./watch-filter.ts";

test("code, generated code, settings and data files count", (t) => {
  for (const path of [
    "main.ts",
    "src/cart.ts",
    "gen/cart_pb.ts",
    "proto/cart.proto",
    "package.json",
    ".env",
  ]) {
    t.false(isIgnored(path), path);
  }
});

test("packages, dot folders and dot files do not", (t) => {
  const paths = ["node_modules", "node_modules/x/index.js", "lib/node_modules/y.js", ".git/HEAD", ".perdure"];
  for (const path of [
    ...paths,
    ".perdure/cart.db",
    ".main.ts.swp",
    "coverage/index.html",
    "__pycache__/cart.pyc",
  ]) {
    t.true(isIgnored(path), path);
  }
});

test("what editors, databases and loggers leave does not", (t) => {
  const paths = ["main.ts~", "src/#main.ts#", "4913", "out.log", "cart.db", "cart.db-wal", "main.ts.swx"];
  for (const path of paths) t.true(isIgnored(path), path);
});
