// SPDX-License-Identifier: Apache-2.0

import type { Cluster } from "./cluster.ts";
import type { ClusterPaths } from "./paths.ts";
import { Processes } from "./processes.ts";

export interface ClusterStatus {
  /** Processes of our own cluster. Empty for a given one. */
  readonly processes: ReadonlyArray<{ readonly name: string; readonly running: boolean }>;
  /** Deployments of Knative. Empty if the cluster does not answer. */
  readonly deployments: ReadonlyArray<{ readonly name: string; readonly available: boolean }>;
  /** Why the cluster does not answer. Undefined if it does. */
  readonly problem: string | undefined;
  /** Whether Knative Serving is there, all deployments are available and all processes run. */
  readonly ready: boolean;
}

interface DeploymentList {
  readonly items: ReadonlyArray<{
    readonly metadata: { readonly name: string; readonly namespace: string };
    readonly status?: {
      readonly conditions?: ReadonlyArray<{ readonly type: string; readonly status: string }>;
    };
  }>;
}

const ASK_TIMEOUT_MS = 10_000;
const SERVING = "knative-serving";
const NAMESPACES = new Set([SERVING, "kourier-system", "knative-eventing"]);

export async function clusterStatus(cluster: Cluster, paths: ClusterPaths): Promise<ClusterStatus> {
  const started = new Processes(paths);
  const processes =
    cluster.kind === "ours"
      ? started.names().map((name) => ({ name, running: started.isRunning(name) }))
      : [];
  if (cluster.kind === "ours" && processes.length === 0) {
    return { processes, deployments: [], problem: "nothing was started", ready: false };
  }
  try {
    const ask = ["kubectl", "get", "deployments", "-A", "-o", "json"];
    const { stdout } = await cluster.run(ask, { timeoutMs: ASK_TIMEOUT_MS });
    const deployments = knativeDeployments(JSON.parse(stdout) as DeploymentList);
    return { processes, deployments, problem: undefined, ready: isReady(deployments, processes) };
  } catch (error) {
    return { processes, deployments: [], problem: (error as Error).message, ready: false };
  }
}

/** The status as text. */
export function statusLines({ processes, deployments, problem, ready }: ClusterStatus): string[] {
  return [
    ...processes.map(({ name, running }) => row(name, running ? "running" : "ended")),
    ...deployments.map(({ name, available }) => row(name, available ? "available" : "not available")),
    ...(problem === undefined ? [] : [problem]),
    `Knative Serving is ${ready ? "ready" : "not ready"}`,
  ];
}

function knativeDeployments({ items }: DeploymentList): Array<{ name: string; available: boolean }> {
  return items
    .filter(({ metadata }) => NAMESPACES.has(metadata.namespace))
    .map(({ metadata, status }) => ({
      name: `${metadata.namespace}/${metadata.name}`,
      available: (status?.conditions ?? []).some(
        (each) => each.type === "Available" && each.status === "True",
      ),
    }));
}

function isReady(deployments: ClusterStatus["deployments"], processes: ClusterStatus["processes"]): boolean {
  const serving = deployments.some(({ name }) => name.startsWith(`${SERVING}/`));
  return serving && deployments.every((each) => each.available) && processes.every((each) => each.running);
}

function row(name: string, state: string): string {
  return `${name.padEnd(48)}${state}`;
}
