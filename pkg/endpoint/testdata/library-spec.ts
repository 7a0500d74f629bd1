// SPDX-License-Identifier: Apache-2.0

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { DescService } from "@bufbuild/protobuf";

import { entityKeyReader, readDescriptors } from "../../protocol/mod.ts";
import type { EntityMethod, EntityService, ServedService, UserFunctionSpec } from "../../userfunction/mod.ts";

import { actionOf } from "../../../test/lib/action-service.ts";

const root = join(import.meta.dirname, "../../..");

/** The services of `library.proto`, compiled when asked, as if a user function had announced them. */
export function librarySpec(): UserFunctionSpec {
  return toSpec("library", ["Library", "Plain"], ["Talks", "Files"]);
}

/** The service of `values.proto`. */
export function valuesSpec(): UserFunctionSpec {
  return toSpec("values", [], ["Values"]);
}

/** The service of `heap.proto`. */
export function heapSpec(): UserFunctionSpec {
  return toSpec("heap", [], ["Heaps"]);
}

/** The services of `required.proto`. */
export function requiredSpec(): UserFunctionSpec {
  return toSpec("required", ["Orders"], ["Tally"]);
}

/** The service of `legacy.proto`. */
export function legacySpec(): UserFunctionSpec {
  return toSpec("legacy", ["Orders"], []);
}

function compile(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "perdure-endpoint-"));
  const output = join(folder, "library.binpb");
  const modules = [{ path: "protocol" }, { path: "pkg/endpoint/testdata" }];
  const config = JSON.stringify({ version: "v2", modules });
  const args = ["build", "--config", config, "--as-file-descriptor-set", "-o", output];
  try {
    execFileSync(join(root, "node_modules/.bin/buf"), args, {
      cwd: root,
      stdio: ["ignore", "ignore", "inherit"],
    });
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function toSpec(
  file: "library" | "heap" | "values" | "required" | "legacy",
  entities: readonly string[],
  actions: readonly string[],
): UserFunctionSpec {
  const descriptors = readDescriptors(compile());
  const find = (name: string): DescService => {
    const desc = descriptors.registry.getService(`perdure.test.${file}.${name}`);
    if (desc === undefined) throw new Error(`no service ${name}`);
    return desc;
  };
  const services = new Map<string, ServedService>();
  for (const name of entities) {
    const desc = find(name);
    const methods = new Map<string, EntityMethod>();
    const service: EntityService = {
      kind: "event-sourced",
      desc,
      takesMetadata: false,
      history: "events",
      persistenceId: desc.name,
      extensions: new Set(),
      snapshotVersion: "",
      passivationTimeoutMs: undefined,
      methods,
    };
    for (const method of desc.methods) {
      const entityKey = entityKeyReader(method.input);
      if (entityKey === undefined) throw new Error(`${method.name} has no entity key`);
      methods.set(method.name, { service, desc: method, entityKey });
    }
    services.set(desc.typeName, service);
  }
  for (const name of actions) {
    const desc = find(name);
    const service = actionOf(desc);
    services.set(desc.typeName, service);
  }
  return { descriptors, services, unserved: [], description: file };
}
