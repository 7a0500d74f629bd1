// SPDX-License-Identifier: Apache-2.0

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { entityKeyReader, readDescriptors } from "../../protocol/mod.ts";
import type { EntityMethod, EntityService, UserFunctionSpec } from "../../userfunction/mod.ts";

const root = join(import.meta.dirname, "../../..");

/** The services of `library.proto`, compiled when asked, as if a user function had announced them. */
export function librarySpec(): UserFunctionSpec {
  return toSpec(compile(), ["perdure.test.library.Library", "perdure.test.library.Plain"]);
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

function toSpec(descriptorSet: Uint8Array, serviceNames: readonly string[]): UserFunctionSpec {
  const descriptors = readDescriptors(descriptorSet);
  const services = new Map<string, EntityService>();
  for (const name of serviceNames) {
    const desc = descriptors.registry.getService(name);
    if (desc === undefined) throw new Error(`no service ${name}`);
    const methods = new Map<string, EntityMethod>();
    const service: EntityService = {
      desc,
      entityType: "cloudstate.eventsourced.EventSourced",
      persistenceId: desc.name,
      passivationTimeoutMs: undefined,
      methods,
    };
    for (const method of desc.methods) {
      const entityKey = entityKeyReader(method.input);
      if (entityKey === undefined) throw new Error(`${method.name} has no entity key`);
      methods.set(method.name, { service, desc: method, entityKey });
    }
    services.set(name, service);
  }
  return { descriptors, services, description: "library" };
}
