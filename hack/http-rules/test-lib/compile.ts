// SPDX-License-Identifier: Apache-2.0

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { DescMethod } from "@bufbuild/protobuf";

import { readDescriptors } from "../../../pkg/protocol/mod.ts";
import type { UserFunctionSpec } from "../../../pkg/userfunction/mod.ts";

import { actionOf } from "../../../test/lib/action-service.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");

/** A service of `rules.proto`, as if a user function had announced it as an action's. */
export function compileRules(name: "Rules" | "Refused"): UserFunctionSpec {
  const descriptors = readDescriptors(compile());
  const desc = descriptors.registry.getService(`perdure.rules.${name}`);
  if (desc === undefined) throw new Error(`rules.proto has no service ${name}`);
  return {
    descriptors,
    services: new Map([[desc.typeName, actionOf(desc)]]),
    unserved: [],
    description: "rules",
  };
}

/** The methods of such a specification. */
export function methodsOf(spec: UserFunctionSpec): DescMethod[] {
  return [...spec.services.values()].flatMap(({ methods }) => [...methods.values()].map(({ desc }) => desc));
}

function compile(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "perdure-rules-"));
  const output = join(folder, "rules.binpb");
  const config = JSON.stringify({
    version: "v2",
    modules: [{ path: "protocol" }, { path: "hack/http-rules" }],
  });
  const args = ["build", "--config", config, "--as-file-descriptor-set", "-o", output];
  try {
    execFileSync(join(ROOT, "node_modules/.bin/buf"), args, {
      cwd: ROOT,
      stdio: ["ignore", "ignore", "inherit"],
    });
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
