// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import type { CommandOptions, CommandOutput } from "./command.ts";
import { runInside } from "./network.ts";
import type { ClusterPaths } from "./paths.ts";

const APPLY_TIMEOUT_MS = 120_000;

/** kubectl as administrator of our own cluster. */
export function kubectl(
  paths: ClusterPaths,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandOutput> {
  const argv = [join(paths.bin, "kubectl"), `--kubeconfig=${paths.kubeconfig}`, ...args];
  return runInside(argv, options);
}

/** Creates the objects, or changes existing ones to be equal to them. */
export async function apply(paths: ClusterPaths, objects: readonly object[]): Promise<void> {
  const input = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
  const args = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
  await kubectl(paths, args, { input, timeoutMs: APPLY_TIMEOUT_MS });
}
