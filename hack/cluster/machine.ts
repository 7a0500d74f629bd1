// SPDX-License-Identifier: Apache-2.0

import { runCommand } from "./command.ts";
import { ClusterError } from "./error.ts";

/** Throws `UNSUITABLE_MACHINE` where a cluster cannot be. */
export function requireRoot(): void {
  if (process.platform !== "linux") {
    throw new ClusterError(
      "UNSUITABLE_MACHINE",
      "the cluster runs on Linux only; set KUBECONFIG to use another one",
    );
  }
  if (process.getuid?.() !== 0) {
    throw new ClusterError(
      "UNSUITABLE_MACHINE",
      "the cluster needs root, for containers and a network namespace; set KUBECONFIG to use another one",
    );
  }
}

/** Rejects with `UNSUITABLE_MACHINE` where a cluster can neither be built nor run, and says what is missing. */
export async function requireMachine(): Promise<void> {
  requireRoot();
  await require(["go", "version"], "Go, to build Kubernetes and Knative");
  await require(["unshare", "--net", "--mount", "true"], "the right to make network and mount namespaces");
}

async function require(argv: readonly string[], what: string): Promise<void> {
  try {
    await runCommand(argv);
  } catch (cause) {
    const text = `the cluster needs ${what}; set KUBECONFIG to use another one`;
    throw new ClusterError("UNSUITABLE_MACHINE", text, { cause });
  }
}
