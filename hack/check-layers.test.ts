// SPDX-License-Identifier: Apache-2.0

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import test from "ava";

import type { Violation } from "./check-layers.ts";
import { checkLayers } from "./check-layers.ts";

type Tree = Readonly<Record<string, string>>;

const SPDX = "// SPDX-License-Identifier: Apache-2.0\n";

/** A project that breaks no rule and uses everything that the rules allow. */
const SOUND: Tree = {
  "package.json": '{ "dependencies": { "pino": "1" }, "devDependencies": { "ava": "1", "fast-check": "1" } }',
  "pkg/base/mod.ts": `${SPDX}export { a } from "./deep/a.ts";`,
  "pkg/base/deep/a.ts": `${SPDX}import { b } from "../b.ts"; import fs from "node:fs"; import pino from "pino";`,
  "pkg/base/b.ts": `${SPDX}new Worker(new URL("./worker.ts", import.meta.url)); new URL("https://example.com");`,
  "pkg/base/worker.ts": SPDX,
  "pkg/base/b.test.ts": `${SPDX}import test from "ava"; import "./b.ts"; import "../entity/mod.ts"; import "../eventlog/address/mod.ts"; import "../../test/lib/x.ts"; import "../../test/lib/nats/server.ts";`,
  "pkg/settings/mod.ts": `${SPDX}import "../base/mod.ts";`,
  "pkg/entity/settings.ts": `${SPDX}import "../settings/mod.ts"; import "../protocol/settings.ts"; import "./mod.ts";`,
  "pkg/protocol/settings.ts": SPDX,
  "pkg/endpoint/settings.ts": `${SPDX}import "../entity/settings.ts";`,
  "pkg/endpoint/mod.ts": `${SPDX}import "../entity/settings.ts"; import "../entity/mod.ts";`,
  "pkg/protocol/mod.ts": `${SPDX}import "../base/mod.ts"; export { x } from "./gen/x_pb.ts";`,
  "pkg/protocol/gen/x_pb.ts": 'import "anything"; // generated, not checked',
  "pkg/base/test-doubles/mod.ts": `${SPDX}import "../b.ts";`,
  "pkg/grpc/test-peers/go-peer.ts": SPDX,
  "pkg/grpc/a.test.ts": `${SPDX}import "./test-peers/go-peer.ts"; import "../base/test-doubles/mod.ts";`,
  "pkg/nats/mod.ts": SPDX,
  "pkg/consumer/mod.ts": `${SPDX}import "../eventlog/mod.ts"; import "../nats/mod.ts";`,
  "pkg/record/mod.ts": `${SPDX}import "../consumer/mod.ts"; import "../eventlog/mod.ts";`,
  "pkg/cluster/mod.ts": `${SPDX}import "../record/mod.ts"; import "../nats/mod.ts";`,
  "pkg/nats/address/mod.ts": `${SPDX}export { a } from "../a.ts";`,
  "pkg/nats/a.ts": SPDX,
  "pkg/eventlog/mod.ts": `${SPDX}import "./address/mod.ts"; import "../nats/address/mod.ts";`,
  "pkg/eventlog/address/mod.ts": `${SPDX}import "../../nats/address/mod.ts";`,
  "pkg/webhook/mod.ts": `${SPDX}import "../eventlog/address/mod.ts";`,
  "pkg/entity/contract.ts": `${SPDX}import test from "ava"; import "./contract/cases.ts";`,
  "pkg/entity/contract/cases.ts": `${SPDX}import fc from "fast-check";`,
  "pkg/entity/mod.ts": `${SPDX}import type { A } from "../base/mod.ts";`,
  "pkg/entity/e.test.ts": `${SPDX}import "../protocol/gen/x_pb.ts"; import(name); new URL("../../cmd/proxy/main.ts", import.meta.url);`,
  "pkg/sdk/package.json":
    '{ "name": "@perdure/sdk", "dependencies": { "@grpc/grpc-js": "1" }, "peerDependencies": { "@bufbuild/protobuf": "1" } }',
  "pkg/sdk/mod.ts": `${SPDX}import "../protocol/mod.ts"; import "../protocol/gen/x_pb.ts"; import "@grpc/grpc-js"; import "@bufbuild/protobuf/wkt";`,
  "pkg/sdk/testkit/mod.ts": `${SPDX}import "../mod.ts";`,
  "pkg/sdk/test-model/program.ts": `${SPDX}import test from "ava"; import "../../entity/mod.ts";`,
  "cmd/proxy/main.ts": `#!/usr/bin/env node\n${SPDX}import "../../pkg/entity/mod.ts"; import "../../pkg/eventlog/address/mod.ts"; import "./flags.ts";`,
  "cmd/proxy/flags.ts": SPDX,
  "cmd/perdure/main.ts": `${SPDX}new URL("../proxy/main.ts", import.meta.url);`,
  "samples/cart/package.json": '{ "name": "cart", "dependencies": { "@perdure/sdk": "*" } }',
  "samples/cart/main.ts": `${SPDX}import { serve } from "@perdure/sdk"; import "./gen/cart_pb.ts";`,
  "samples/cart/gen/cart_pb.ts": "",
  "samples/cart/main.test.ts": `${SPDX}import test from "ava"; import "@perdure/sdk/testkit";`,
  "test/lib/x.ts": `${SPDX}import fc from "fast-check"; import "../../pkg/sdk/mod.ts";`,
  "test/e2e/cart.test.ts": `${SPDX}import "../../samples/cart/main.ts"; import "../lib/x.ts";`,
  "test/lib/nats/server.ts": `${SPDX}import "../../test/lib/x.ts";`,
  "hack/tool.ts": `${SPDX}import "../pkg/base/mod.ts"; import "../samples/cart/main.ts";`,
};

/** Files to add to or replace in the sound project, and the complaint that each must cause. */
const UNSOUND: readonly (readonly [rule: string, file: string, source: string, complaint: RegExp])[] = [
  ["a folder that is no layer", "pkg/util/a.ts", SPDX, /is not a layer/],
  ["a file of no layer", "pkg/a.ts", SPDX, /is not a layer/],
  ["a folder that is no layer and has no code", "pkg/util/deep/a.json", SPDX, /is not a layer/],
  ["the inside of a lower layer", "pkg/entity/a.ts", 'import "../base/b.ts";', /import pkg\/base\/mod\.ts/],
  [
    "generated code but through mod.ts",
    "pkg/entity/a.ts",
    'import "../protocol/gen/x_pb.ts";',
    /import pkg\/protocol\/mod\.ts/,
  ],
  [
    "a mod.ts inside a lower layer that is no door",
    "pkg/entity/a.ts",
    'import "../base/deep/mod.ts";',
    /import pkg\/base\/mod\.ts/,
  ],
  [
    "a file behind a second door",
    "pkg/webhook/a.ts",
    'import "../eventlog/address/log-address.ts";',
    /import pkg\/eventlog\/mod\.ts/,
  ],
  [
    "a second door of a higher layer",
    "pkg/nats/b.ts",
    'import "../eventlog/address/mod.ts";',
    /a layer above its own/,
  ],
  [
    "a second door in the SDK",
    "pkg/sdk/a.ts",
    'import "../nats/address/mod.ts";',
    /the SDK imports pkg\/protocol/,
  ],
  [
    "a mod.ts inside another layer that is no door, in a test",
    "pkg/entity/a.test.ts",
    'import "../base/deep/mod.ts";',
    /the inside of another folder/,
  ],
  [
    "the code of another layer in a declaration of settings",
    "pkg/entity/settings.ts",
    'import "../protocol/mod.ts";',
    /a declaration of settings imports declarations only/,
  ],
  [
    "the settings of a higher layer",
    "pkg/nats/settings.ts",
    'import "../entity/settings.ts";',
    /a layer above its own/,
  ],
  ["the consumer in the event log", "pkg/eventlog/a.ts", 'import "../consumer/mod.ts";', /above its own/],
  ["the event log in NATS", "pkg/nats/b.ts", 'import "../eventlog/mod.ts";', /a layer above its own/],
  ["records in the consumer", "pkg/consumer/a.ts", 'import "../record/mod.ts";', /a layer above its own/],
  ["the cluster in records", "pkg/record/a.ts", 'import "../cluster/mod.ts";', /a layer above its own/],
  [
    "the cluster in the event log",
    "pkg/eventlog/a.ts",
    'import "../cluster/mod.ts";',
    /a layer above its own/,
  ],
  ["entities in the cluster", "pkg/cluster/a.ts", 'import "../entity/mod.ts";', /a layer above its own/],
  [
    "the inside of records",
    "pkg/entity/a.ts",
    'import "../record/history.ts";',
    /import pkg\/record\/mod\.ts/,
  ],
  ["the inside of NATS", "pkg/eventlog/a.ts", 'import "../nats/a.ts";', /import pkg\/nats\/mod\.ts/],
  ["a higher layer", "pkg/base/c.ts", 'import "../entity/mod.ts";', /a layer above its own/],
  [
    "a higher layer by re-export",
    "pkg/base/c.ts",
    'export { e } from "../entity/mod.ts";',
    /a layer above its own/,
  ],
  [
    "a higher layer at run time",
    "pkg/base/c.ts",
    'await import("../entity/mod.ts");',
    /a layer above its own/,
  ],
  [
    "a higher layer in a type",
    "pkg/base/c.ts",
    'type E = import("../entity/mod.ts").E;',
    /a layer above its own/,
  ],
  ["our own code in the SDK", "pkg/sdk/a.ts", 'import "../base/mod.ts";', /the SDK imports pkg\/protocol/],
  [
    "the inside of protocol in the SDK",
    "pkg/sdk/a.ts",
    'import "../protocol/any.ts";',
    /import pkg\/protocol\/mod\.ts/,
  ],
  ["a command in a layer", "pkg/entity/a.ts", 'import "../../cmd/proxy/flags.ts";', /not below it/],
  ["a command in a command", "cmd/perdure/a.ts", 'import "../proxy/flags.ts";', /not below it/],
  [
    "the inside of a layer in a command",
    "cmd/proxy/a.ts",
    'import "../../pkg/base/b.ts";',
    /import pkg\/base\/mod\.ts/,
  ],
  [
    "a file out of the project's code",
    "pkg/base/c.ts",
    'import p from "../../package.json";',
    /not below it/,
  ],
  [
    "our own code in a sample",
    "samples/cart/a.ts",
    'import "../../pkg/sdk/mod.ts";',
    /its own files and packages only/,
  ],
  [
    "our own code in a sample's test",
    "samples/cart/a.test.ts",
    'import "../../pkg/sdk/mod.ts";',
    /its own files and packages only/,
  ],
  ["another sample", "samples/shop/a.ts", 'import "../cart/main.ts";', /its own files and packages only/],
  ["a test", "pkg/base/c.ts", 'import "./b.test.ts";', /imports test code/],
  [
    "the test doubles of the own layer",
    "pkg/base/c.ts",
    'import "./test-doubles/mod.ts";',
    /imports test code: pkg\/base\/test-doubles\/mod\.ts/,
  ],
  [
    "the test doubles of a lower layer",
    "pkg/entity/a.ts",
    'import "../base/test-doubles/mod.ts";',
    /imports test code/,
  ],
  [
    "the test doubles in a command",
    "cmd/proxy/a.ts",
    'import "../../pkg/base/test-doubles/mod.ts";',
    /test code/,
  ],
  ["the test doubles' types", "pkg/base/c.ts", 'import type { A } from "./test-doubles/a.ts";', /test code/],
  [
    "a file behind the door of the test doubles",
    "pkg/entity/a.test.ts",
    'import "../base/test-doubles/manual-clock.ts";',
    /the inside of another folder/,
  ],
  ["a test peer in its layer", "pkg/grpc/a.ts", 'import "./test-peers/go-peer.ts";', /imports test code/],
  [
    "a test peer in a higher layer",
    "pkg/endpoint/a.ts",
    'import "../grpc/test-peers/go-peer.ts";',
    /imports test code/,
  ],
  [
    "a test peer in a test of another layer",
    "pkg/endpoint/a.test.ts",
    'import "../grpc/test-peers/go-peer.ts";',
    /the inside of another folder/,
  ],
  ["a test server in a command", "cmd/perdure/a.ts", 'import "../../test/lib/nats/server.ts";', /test code/],
  ["a program of the tests", "pkg/sdk/a.ts", 'import "./test-model/program.ts";', /imports test code/],
  ["a contract suite", "pkg/entity/a.ts", 'import "./contract.ts";', /imports test code/],
  ["what tests share", "pkg/base/c.ts", 'import "../../test/lib/x.ts";', /imports test code/],
  [
    "the inside of another layer in a test",
    "pkg/entity/a.test.ts",
    'import "../base/b.ts";',
    /the inside of another folder/,
  ],
  [
    "another test",
    "pkg/entity/a.test.ts",
    'import "../../test/e2e/cart.test.ts";',
    /the inside of another folder/,
  ],
  [
    "another tool of the project",
    "pkg/entity/a.test.ts",
    'import "../../hack/tool.ts";',
    /the inside of another folder/,
  ],
  [
    "a sample in a layer's test",
    "pkg/entity/a.test.ts",
    'import "../../samples/cart/main.ts";',
    /the inside of another folder/,
  ],
  [
    "an unknown package",
    "pkg/base/c.ts",
    'import "left-pad";',
    /left-pad, on which package\.json does not depend/,
  ],
  ["an unknown scoped package", "pkg/base/c.ts", 'import "@a/b/c";', /@a\/b, on which package\.json/],
  [
    "a development package outside of tests",
    "pkg/base/c.ts",
    'import fc from "fast-check";',
    /fast-check, on which/,
  ],
  ["an unknown package in a test", "pkg/base/c.test.ts", 'import "left-pad";', /left-pad, on which/],
  [
    "the root's package in the SDK",
    "pkg/sdk/a.ts",
    'import "pino";',
    /pino, on which pkg\/sdk\/package\.json/,
  ],
  [
    "the root's package in a sample",
    "samples/cart/a.ts",
    'import "pino";',
    /pino, on which samples\/cart\/package\.json/,
  ],
  ["a module of Node without node:", "pkg/base/c.ts", 'import fs from "fs";', /write node:fs/],
  ["a computed import", "pkg/base/c.ts", "await import(name);", /computed name/],
  [
    "a worker in another folder",
    "pkg/entity/a.ts",
    'new URL("../base/worker.ts", import.meta.url);',
    /outside of pkg\/entity/,
  ],
  ["a worker that is not there", "pkg/base/c.ts", 'new URL("./gone.ts", import.meta.url);', /does not exist/],
];

function check(tree: Tree): readonly Violation[] {
  const root = mkdtempSync(join(tmpdir(), "perdure-layers-"));
  try {
    for (const [file, source] of Object.entries(tree)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), source);
    }
    return checkLayers(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test("a project that keeps the rules has no violation", (t) => {
  t.deepEqual(check(SOUND), []);
});

for (const [rule, file, source, complaint] of UNSOUND) {
  test(`complains of ${rule}`, (t) => {
    const violations = check({ ...SOUND, [file]: source.startsWith(SPDX) ? source : SPDX + source });
    t.is(violations.length, 1, JSON.stringify(violations));
    t.true(file.startsWith(violations[0]?.file ?? "?"));
    t.regex(violations[0]?.text ?? "", complaint);
  });
}

test("complains of a line of a comment that is too long, and not of code", (t) => {
  const violations = check({
    "pkg/base/a.ts": `${SPDX}/* ${"é".repeat(117)}\n * ${"x".repeat(118)}\n */\nconst a = "${"x".repeat(200)}";\n`,
  });
  t.deepEqual(violations, [{ file: "pkg/base/a.ts", line: 3, text: "a comment is longer than 120 columns" }]);
});

test("complains of a file without the licence line, and of one that is too long", (t) => {
  const violations = check({
    "pkg/base/a.ts": "export {};\n",
    "pkg/base/b.ts": `${SPDX}${"//\n".repeat(599)}`,
    "pkg/base/c.ts": `${SPDX}${"//\n".repeat(600)}`,
  });
  t.deepEqual(
    violations.map(({ file }) => file),
    ["pkg/base/a.ts", "pkg/base/c.ts"],
  );
  t.regex(violations[0]?.text ?? "", /SPDX/);
  t.regex(violations[1]?.text ?? "", /601 lines/);
});

test("complains of a file that only tests use, unless it is in a folder of test code, a door or a program", (t) => {
  const tests = `${SPDX}import "./peer.ts"; import "./test-peers/peer.ts"; import "./mod.ts"; import "./used.ts";`;
  const violations = check({
    "pkg/grpc/peer.ts": SPDX,
    "pkg/grpc/test-peers/peer.ts": SPDX,
    "pkg/grpc/mod.ts": `${SPDX}new Worker(new URL("./used.ts", import.meta.url));`,
    "pkg/grpc/used.ts": SPDX,
    "pkg/grpc/a.test.ts": tests,
    "pkg/grpc/test-peers/b.ts": `${SPDX}import "../peer.ts";`,
    "cmd/proxy/main.ts": SPDX,
    "cmd/proxy/main.test.ts": `${SPDX}import "./main.ts";`,
  });
  const text = "is used by test code only; move it into a folder of test code";
  t.deepEqual(violations, [{ file: "pkg/grpc/peer.ts", line: 1, text }]);
});

test("complains of another spelling of dependencies, and of errors in docstrings", (t) => {
  const violations = check({
    "pkg/base/a.ts": `${SPDX}interface ADeps {}\n/** Raises BadError. */\n/** @throws BadError */`,
  });
  t.deepEqual(
    violations.map(({ file, line }) => `${file}:${line}`),
    ["pkg/base/a.ts:2", "pkg/base/a.ts:3"],
  );
});

test("complains of a circle of imports, and names each file on it", (t) => {
  const violations = check({
    ...SOUND,
    "pkg/base/c.ts": `${SPDX}import "node:fs";\nimport type { D } from "./deep/d.ts";`,
    "pkg/base/deep/d.ts": `${SPDX}type E = import("../e.ts").E;`,
    "pkg/base/e.ts": `${SPDX}export { c } from "./c.ts";`,
  });
  const circle = "pkg/base/c.ts -> pkg/base/deep/d.ts -> pkg/base/e.ts -> pkg/base/c.ts";
  t.deepEqual(violations, [{ file: "pkg/base/c.ts", line: 3, text: `imports in a circle: ${circle}` }]);
});

test("complains of a circle of tests", (t) => {
  const violations = check({
    "test/a.ts": `${SPDX}import "./b.ts";`,
    "test/b.ts": `${SPDX}import type { A } from "./a.ts";`,
  });
  t.is(violations.length, 1);
  t.like(violations[0], { file: "test/a.ts", line: 2 });
});

test("names the line of an import", (t) => {
  const [violation] = check({ ...SOUND, "pkg/base/c.ts": `${SPDX}\n\nimport "left-pad";\n` });
  t.like(violation, { file: "pkg/base/c.ts", line: 4 });
});
