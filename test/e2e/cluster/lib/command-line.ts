// SPDX-License-Identifier: Apache-2.0

import { openCluster } from "../../../../hack/cluster/cluster.ts";

/** The cluster that the tests run against. */
export const cluster = openCluster();

const KN_TIMEOUT_MS = 180_000;

/** Returns the standard output. Rejects with the error output if the command failed. */
export async function kubectl(...args: readonly string[]): Promise<string> {
  return (await cluster.run(["kubectl", ...args])).stdout;
}

export async function kn(...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await cluster.run(["kn", ...args], { timeoutMs: KN_TIMEOUT_MS });
  return stdout + stderr;
}

/** Creates an object that is not there. */
export async function create(object: object): Promise<void> {
  await cluster.run(["kubectl", "create", "-f", "-"], { input: JSON.stringify(object) });
}

/** One object, or a list of them, as JSON has it. */
export async function getJson<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await kubectl("get", ...args, "-o", "json")) as T;
}
