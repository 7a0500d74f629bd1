// SPDX-License-Identifier: Apache-2.0

import { accessSync, constants } from "node:fs";
import { totalmem } from "node:os";

import { runCommand } from "./command.ts";
import { ClusterError } from "./error.ts";

const GIB = 1_073_741_824;
/** Building Kubernetes takes about as much as running it with Knative. */
const MEMORY_GIB = 6;

/** Folders in which cgroups for containers are made, of both versions of cgroups. */
const CGROUPS = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup/cgroup.procs"];

/** @throws ClusterError `UNSUITABLE_MACHINE` unless this is Linux and we are root. */
export function requireRoot(): void {
  if (process.platform !== "linux") throw unsuitable("Linux");
  if (process.getuid?.() !== 0) throw unsuitable("root, for containers and a network namespace");
}

/** Rejects with `UNSUITABLE_MACHINE` if this machine cannot build and run a cluster, and says what is missing. */
export async function requireMachine(): Promise<void> {
  requireRoot();
  await requireCommand(
    ["go", "version"],
    "Go 1.26 or newer (https://go.dev/dl), to build Kubernetes and Knative",
  );
  const namespaces = ["unshare", "--net", "--mount", "true"];
  await requireCommand(namespaces, "the right to make network and mount namespaces");
  if (!CGROUPS.some(isWritable)) throw unsuitable("the right to make cgroups, for containers");
  if (totalmem() < MEMORY_GIB * GIB) throw unsuitable(`${MEMORY_GIB} GiB of memory`);
}

/** Whether it can be written to. The permissions alone do not tell, because it is often mounted read-only. */
function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

async function requireCommand(argv: readonly string[], what: string): Promise<void> {
  await runCommand(argv).catch((cause: unknown) => {
    throw unsuitable(what, cause);
  });
}

function unsuitable(what: string, cause?: unknown): ClusterError {
  const text = `the cluster needs ${what}; set KUBECONFIG to use another one`;
  return new ClusterError("UNSUITABLE_MACHINE", text, { cause });
}
