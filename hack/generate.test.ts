// SPDX-License-Identifier: Apache-2.0

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import { generate, generatedFolders } from "./generate.ts";

const PROTO = `syntax = "proto3";
package x.v1;
message Box { string name = 1; }
`;
const TEMPLATE = `version: v2
inputs:
  - directory: protocol
plugins:
  - local: protoc-gen-es
    out: src/gen
    opt: [target=ts]
`;

/** A project with one `.proto` file and no generated code yet. */
function project(t: ExecutionContext): string {
  const root = mkdtempSync(join(tmpdir(), "perdure-generate-test-"));
  t.teardown(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "protocol/x/v1"), { recursive: true });
  writeFileSync(
    join(root, "buf.yaml"),
    "version: v2\nmodules:\n  - path: protocol\nlint:\n  use: [MINIMAL]\n",
  );
  writeFileSync(join(root, "buf.gen.yaml"), TEMPLATE);
  writeFileSync(join(root, "protocol/x/v1/box.proto"), PROTO);
  return root;
}

test("what was generated just now is up to date", (t) => {
  const root = project(t);
  t.deepEqual(generate(root, true), [{ path: "src/gen/x/v1/box_pb.ts", kind: "missing" }]);
  t.deepEqual(generate(root, false), []);
});

test("a changed proto, an edited file, a lost file and a file too many are each named, and mended on demand", (t) => {
  const root = project(t);
  generate(root, true);
  const generated = join(root, "src/gen/x/v1/box_pb.ts");
  const original = readFileSync(generated, "utf8");

  writeFileSync(generated, `${original} `);
  t.deepEqual(generate(root, false), [{ path: "src/gen/x/v1/box_pb.ts", kind: "stale" }]);
  t.is(readFileSync(generated, "utf8"), `${original} `, "a check writes nothing");

  rmSync(generated);
  mkdirSync(join(root, "src/gen/deep"));
  writeFileSync(join(root, "src/gen/deep/old_pb.ts"), "");
  const expected = [
    { path: "src/gen/x/v1/box_pb.ts", kind: "missing" },
    { path: "src/gen/deep/old_pb.ts", kind: "stray" },
  ];
  t.deepEqual(generate(root, true), expected);
  t.is(readFileSync(generated, "utf8"), original);
  t.deepEqual(generate(root, false), []);

  writeFileSync(join(root, "protocol/x/v1/box.proto"), PROTO.replace("name", "label"));
  t.deepEqual(generate(root, false), [{ path: "src/gen/x/v1/box_pb.ts", kind: "stale" }]);
});

test("a proto file that does not compile fails with the compiler's words and leaves the tree alone", (t) => {
  const root = project(t);
  generate(root, true);
  writeFileSync(join(root, "protocol/x/v1/box.proto"), PROTO.replace("string", "strin"));
  t.throws(() => generate(root, true), { message: /box\.proto:3:\d+:.*strin/ });
  writeFileSync(join(root, "protocol/x/v1/box.proto"), PROTO);
  t.deepEqual(generate(root, false), []);
});

test("samples generate their own code beside the root's", (t) => {
  const root = project(t);
  mkdirSync(join(root, "samples/cart"), { recursive: true });
  mkdirSync(join(root, "samples/notes"));
  writeFileSync(join(root, "samples/cart/buf.gen.yaml"), TEMPLATE);
  t.deepEqual(generatedFolders(root), [root, join(root, "samples/cart")]);
});
