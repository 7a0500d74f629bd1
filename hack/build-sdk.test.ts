// SPDX-License-Identifier: Apache-2.0
//
// The package as a user has it: packed, unpacked into a project of its own, and used from there without the
// repository's sources and without a network.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";

import test from "ava";

import { buildSdk } from "./build-sdk.ts";

const root = dirname(import.meta.dirname);
const bin = join(root, "node_modules/.bin");

const PROJECT: Readonly<Record<string, string>> = {
  "package.json": '{ "name": "counter", "version": "1.2.3", "type": "module" }',

  "proto/counter.proto": `
    syntax = "proto3";
    package counter;
    import "cloudstate/entity_key.proto";
    import "google/api/annotations.proto";
    service Counter {
      rpc Increase(Increment) returns (Value) {
        option (google.api.http) = { post: "/counters/{id}" body: "*" };
      }
    }
    message Increment { string id = 1 [(cloudstate.entity_key) = true]; int32 by = 2; }
    message Value { int32 value = 1; }
    message Increased { int32 by = 1; }`,

  "buf.yaml": `
    version: v2
    modules:
      - path: proto
      - path: node_modules/@perdure/sdk/proto`,

  "buf.gen.yaml": `
    version: v2
    plugins:
      - local: protoc-gen-es
        out: gen
        opt: [target=js+dts, import_extension=js]`,

  "counter.js": `
    import { eventSourced, on } from "@perdure/sdk";
    import { Counter, IncreasedSchema, ValueSchema } from "./gen/counter_pb.js";
    export const counter = eventSourced(Counter, ValueSchema, {
      persistenceId: "counter",
      commands: { increase: ({ by }, { emit, fail }) => (by > 0 ? emit(IncreasedSchema, { by }) : fail("by > 0")) },
      events: [on(IncreasedSchema, (state, { by }) => ({ value: state.value + by }))],
    });`,

  "main.js": `
    import { serve } from "@perdure/sdk";
    import { given } from "@perdure/sdk/testkit";
    import { IncreasedSchema } from "./gen/counter_pb.js";
    import { counter } from "./counter.js";
    const { reply } = await given(counter, "c").event(IncreasedSchema, { by: 2 }).when("increase", { by: 3 });
    const { failure } = await given(counter, "c").when("increase", { by: 0 });
    const server = await serve({ entities: [counter], port: 0, handleSignals: false });
    await server.close();
    console.log(reply.value, failure, server.port > 0);`,

  "typed.ts": `
    import type { CommandContext } from "@perdure/sdk";
    import { eventSourced, on, SdkError } from "@perdure/sdk";
    import { given } from "@perdure/sdk/testkit";
    import type { Increment, Value } from "./gen/counter_pb.js";
    import { Counter, IncreasedSchema, ValueSchema } from "./gen/counter_pb.js";
    export const counter = eventSourced(Counter, ValueSchema, {
      persistenceId: "counter",
      commands: {
        increase({ by }: Increment, { state, emit }: CommandContext<Value>) {
          // @ts-expect-error -- the state has no such field
          void state.valeu;
          return { value: emit(IncreasedSchema, { by }).value };
        },
      },
      events: [on(IncreasedSchema, (state, { by }) => ({ value: state.value + by }))],
    });
    // @ts-expect-error -- no such method
    export const outcome = given(counter).when("decrease");
    export const code: "BAD_ENTITY" | undefined = new SdkError("BAD_ENTITY", "").code === "BAD_ENTITY" ? "BAD_ENTITY" : undefined;`,

  "tsconfig.json": `{
    "compilerOptions": {
      "target": "es2022", "module": "nodenext", "strict": true, "noEmit": true, "types": ["node"],
      "exactOptionalPropertyTypes": true, "noUncheckedIndexedAccess": true
    },
    "files": ["typed.ts"]
  }`,
};

test("the packed package serves a plain JavaScript project and type-checks a TypeScript one", (t) => {
  const project = mkdtempSync(join(tmpdir(), "perdure-sdk-"));
  t.teardown(() => rmSync(project, { recursive: true }));
  for (const [path, content] of Object.entries(PROJECT)) {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    writeFileSync(join(project, path), content);
  }
  install(project);
  run(project, join(bin, "buf"), "generate");

  t.is(run(project, process.execPath, "main.js"), "5 by > 0 true\n");
  t.is(run(project, process.execPath, join(root, "node_modules/typescript/bin/tsc"), "-p", "."), "");
});

test("the README has the sample's cart, word for word", (t) => {
  const readme = readFileSync(join(root, "pkg/sdk/README.md"), "utf8");
  const [, ...lines] = readFileSync(join(root, "samples/shopping-cart/cart.ts"), "utf8").split("\n");
  t.true(readme.includes(`\`\`\`ts${lines.join("\n")}\`\`\``));
});

/** What `npm install @perdure/sdk` would do, from the built folder and the packages that are here. */
function install(project: string): void {
  const sdk = join(project, "node_modules/@perdure/sdk");
  mkdirSync(sdk, { recursive: true });
  const built = buildSdk(join(project, "build"));
  const [packed] = JSON.parse(run(built, "npm", "pack", "--json", "--offline")) as [{ filename: string }];
  run(built, "tar", "-xzf", packed.filename, "-C", sdk, "--strip-components=1");
  const manifest = JSON.parse(readFileSync(join(sdk, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
    peerDependencies: Record<string, string>;
  };
  for (const name of [
    ...Object.keys(manifest.dependencies),
    ...Object.keys(manifest.peerDependencies),
    "@types/node",
  ]) {
    mkdirSync(dirname(join(project, "node_modules", name)), { recursive: true });
    symlinkSync(join(root, "node_modules", name), join(project, "node_modules", name));
  }
}

function run(cwd: string, command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}` },
  });
}
