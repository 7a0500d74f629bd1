// SPDX-License-Identifier: Apache-2.0

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import test from "ava";

import { functionCommand, functionEnvironment } from "./function-command.ts";
import { readProject } from "./project.ts";
import type { Project } from "./project.ts";

const PROJECT: Project = {
  folder: "/srv/cart",
  name: "cart",
  devCommand: undefined,
  startScript: undefined,
  mainFile: undefined,
};

test("what stands behind -- goes before everything else, word by word", (t) => {
  const project = { ...PROJECT, devCommand: "node a.js", startScript: "node b.js", mainFile: "main.ts" };
  t.deepEqual(functionCommand(["python", "my cart.py"], project), {
    file: "python",
    args: ["my cart.py"],
    text: "python my cart.py",
  });
});

test("then perdure.dev, then the start script, then the main file", (t) => {
  const project = { ...PROJECT, devCommand: "node a.js", startScript: "node b.js", mainFile: "main.ts" };
  t.is(functionCommand([], project).text, "node a.js");
  t.is(functionCommand([], { ...project, devCommand: undefined }).text, "node b.js");
  t.deepEqual(functionCommand([], { ...PROJECT, mainFile: "main.ts" }), {
    file: "node",
    args: ["main.ts"],
    text: "node main.ts",
  });
});

test("plain words are run directly, shell syntax by a shell", (t) => {
  t.deepEqual(functionCommand([], { ...PROJECT, devCommand: "node --env-file .env  main.ts" }), {
    text: "node --env-file .env  main.ts",
    file: "node",
    args: ["--env-file", ".env", "main.ts"],
  });
  for (const text of ["tsc && node .", "A=1 node .", 'node "my cart.js"', "node $MAIN", "exec node ."]) {
    t.deepEqual(functionCommand([], { ...PROJECT, devCommand: text }), {
      file: "/bin/sh",
      args: ["-c", text],
      text,
    });
  }
});

test("a start script that is perdure dev itself is passed over", (t) => {
  for (const startScript of ["perdure dev", "npx perdure dev --plain", "node cmd/perdure/main.ts dev"]) {
    t.is(functionCommand([], { ...PROJECT, startScript, mainFile: "main.js" }).text, "node main.js");
  }
});

test("a folder that does not say how to run it is refused with all ways to say it", (t) => {
  const error = t.throws(() => functionCommand([], PROJECT), { code: "NO_FUNCTION" });
  for (const way of ["main.ts", "package.json", "start script", "perdure dev --"]) {
    t.true(error.message.includes(way), way);
  }
});

test("the function is told where to listen and finds this Node and the project's programs first", (t) => {
  const env = functionEnvironment(
    { PATH: "/usr/bin", HOME: "/root", PORT: "1" },
    { host: "127.0.0.1", port: 20_000 },
    "/srv/cart",
    "/opt/node/bin/node",
  );
  t.deepEqual(env, {
    HOME: "/root",
    HOST: "127.0.0.1",
    PORT: "20000",
    PERDURE_DEV: "1",
    PATH: "/opt/node/bin:/srv/cart/node_modules/.bin:/srv/node_modules/.bin:/node_modules/.bin:/usr/bin",
  });
});

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "perdure-project-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

test("a project is read from its package.json and its files", (t) => {
  const folder = folderWith({
    "package.json": JSON.stringify({
      name: "@shop/Cart_2",
      scripts: { start: "node x" },
      perdure: { dev: " node y " },
    }),
    "main.js": "",
  });
  t.teardown(() => rmSync(folder, { recursive: true }));
  t.deepEqual(readProject(folder), {
    folder,
    name: "cart_2",
    devCommand: "node y",
    startScript: "node x",
    mainFile: "main.js",
  });
});

test("a project without a package.json has its folder's name", (t) => {
  const parent = folderWith({});
  t.teardown(() => rmSync(parent, { recursive: true }));
  const folder = join(parent, ".My Cart!");
  mkdirSync(folder);
  t.like(readProject(folder), { name: "my-cart", devCommand: undefined, mainFile: undefined });
});

test("a missing folder and a broken package.json are said", (t) => {
  t.throws(() => readProject("/nowhere/at/all"), { code: "NO_FUNCTION", message: /no folder.*--dir/ });
  const folder = folderWith({ "package.json": "{" });
  t.teardown(() => rmSync(folder, { recursive: true }));
  t.throws(() => readProject(folder), { code: "NO_FUNCTION", message: /package\.json cannot be read/ });
});

test("odd values in package.json are passed over", (t) => {
  const manifest = { name: 7, scripts: { start: ["x"] }, perdure: "node z" };
  const folder = folderWith({ "package.json": JSON.stringify(manifest) });
  t.teardown(() => rmSync(folder, { recursive: true }));
  t.like(readProject(folder), { devCommand: undefined, startScript: undefined });
});
