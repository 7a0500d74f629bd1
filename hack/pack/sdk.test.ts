// SPDX-License-Identifier: Apache-2.0
//
// The package as a user has it: packed, unpacked into a project of its own, and used from there without the
// repository's sources and without a network.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";

import test from "ava";

import { packFolder } from "./pack.ts";
import { buildSdk } from "./sdk.ts";

const root = join(import.meta.dirname, "..", "..");
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
    service Kept { rpc Set(Increment) returns (Value); }
    service Steps { rpc Up(Value) returns (stream Value); }
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
    import { action, serve } from "@perdure/sdk";
    import { call, given } from "@perdure/sdk/testkit";
    import { IncreasedSchema, Steps } from "./gen/counter_pb.js";
    import { counter } from "./counter.js";
    const steps = action(Steps, { *up({ value }) { for (let next = 1; next <= value; next++) yield { value: next }; } });
    const { reply } = await given(counter, "c").event(IncreasedSchema, { by: 2 }).when("increase", { by: 3 });
    const { failure } = await given(counter, "c").when("increase", { by: 0 });
    const answers = await call(steps, "up", { value: 4 }).all();
    const server = await serve({ entities: [counter, steps], port: 0, handleSignals: false });
    await server.close();
    console.log(reply.value, failure, answers.at(-1).reply.value, server.port > 0);`,

  "typed.ts": `
    import type { CommandContext } from "@perdure/sdk";
    import { action, eventSourced, Metadata, on, SdkError, valueEntity } from "@perdure/sdk";
    import { call, given } from "@perdure/sdk/testkit";
    import type { Increment, Value } from "./gen/counter_pb.js";
    import { Counter, IncreasedSchema, Kept, Steps, ValueSchema } from "./gen/counter_pb.js";
    export const kept = valueEntity(Kept, ValueSchema, {
      persistenceId: "kept",
      commands: {
        set: ({ id, by }, { update, effect, forward, fail }) => {
          if (by < 0) return fail("by >= 0");
          // @ts-expect-error -- a streamed method is no target
          effect(Steps.method.up, {});
          return by > 9 ? forward(Counter.method.increase, { id, by }) : update({ value: by });
        },
      },
    });
    export const steps = action(Steps, {
      async *up({ value }, { reply, signal, cloudEvent }) {
        if (signal.aborted) return;
        yield reply(ValueSchema, { value }, { metadata: Metadata.of({ "x-event": cloudEvent?.id ?? "" }) });
      },
    });
    export const wrong = action(Steps, {
      // @ts-expect-error -- the reply has no such field
      async *up({ value }) {
        yield { valeu: value };
      },
    });
    // @ts-expect-error -- a stream is no promise
    export const never: Promise<unknown> = call(steps, "up", { value: 1 });
    export const change: Promise<"update" | "delete" | undefined> = given(kept).when("set").then((o) => o.change);
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

  t.is(run(project, process.execPath, "main.js"), "5 by > 0 4 true\n");
  t.is(run(project, process.execPath, join(root, "node_modules/typescript/bin/tsc"), "-p", "."), "");
});

test("the README has the sample's cart, word for word", (t) => {
  const readme = readFileSync(join(root, "pkg/sdk/README.md"), "utf8");
  const [, ...lines] = readFileSync(join(root, "samples/shopping-cart/cart.ts"), "utf8").split("\n");
  t.true(readme.includes(`\`\`\`ts${lines.join("\n")}\`\`\``));
});

test("the README names the archives that are packed", (t) => {
  const readme = readFileSync(join(root, "pkg/sdk/README.md"), "utf8");
  for (const [name, folder] of [
    ["perdure-sdk", "pkg/sdk"],
    ["perdure", "."],
  ] as const) {
    const manifest = readFileSync(join(root, folder, "package.json"), "utf8");
    const { version } = JSON.parse(manifest) as { readonly version: string };
    t.true(readme.includes(` ./packages/${name}-${version}.tgz `), `${name} ${version}`);
  }
});

/** What `npm install @perdure/sdk` would do, from the built folder and the packages that are here. */
function install(project: string): void {
  const sdk = join(project, "node_modules/@perdure/sdk");
  mkdirSync(sdk, { recursive: true });
  const built = buildSdk(join(project, "build"));
  run(built, "tar", "-xzf", packFolder(built, built), "-C", sdk, "--strip-components=1");
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
