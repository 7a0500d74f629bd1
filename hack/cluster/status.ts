// SPDX-License-Identifier: Apache-2.0

import type { Cluster } from "./cluster.ts";
import type { ClusterPaths } from "./paths.ts";
import { Processes } from "./processes.ts";

export interface ClusterStatus {
  /** The processes of our own cluster, and Knative's deployments if the cluster answers. */
  readonly parts: readonly Part[];
  /** Why the cluster does not answer. Undefined if it does. */
  readonly problem: string | undefined;
  /** Whether Knative Serving is there, and all parts are up. */
  readonly ready: boolean;
}

interface Part {
  readonly name: string;
  readonly isUp: boolean;
  readonly state: string;
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
  const processes = cluster.kind === "ours" ? processesOf(paths) : [];
  if (cluster.kind === "ours" && processes.length === 0)
    return { parts: [], problem: "nothing was started", ready: false };
  try {
    const ask = ["kubectl", "get", "deployments", "-A", "-o", "json"];
    const { stdout } = await cluster.run(ask, { timeoutMs: ASK_TIMEOUT_MS });
    const deployments = knativeDeployments(JSON.parse(stdout) as DeploymentList);
    const parts = [...processes, ...deployments];
    const hasServing = deployments.some(({ name }) => name.startsWith(`${SERVING}/`));
    return { parts, problem: undefined, ready: hasServing && parts.every(({ isUp }) => isUp) };
  } catch (error) {
    return { parts: processes, problem: (error as Error).message, ready: false };
  }
}

export function statusLines({ parts, problem, ready }: ClusterStatus): string[] {
  return [
    ...parts.map(({ name, state }) => `${name.padEnd(48)}${state}`),
    ...(problem === undefined ? [] : [problem]),
    `Knative Serving is ${ready ? "ready" : "not ready"}`,
  ];
}

function processesOf(paths: ClusterPaths): Part[] {
  const started = new Processes(paths);
  return started.names().map((name) => {
    const isUp = started.isRunning(name);
    return { name, isUp, state: isUp ? "running" : "ended" };
  });
}

function knativeDeployments({ items }: DeploymentList): Part[] {
  const own = items.filter(({ metadata }) => NAMESPACES.has(metadata.namespace));
  return own.map(({ metadata: { namespace, name }, status: { conditions = [] } = {} }) => {
    const isUp = conditions.some(({ type, status }) => type === "Available" && status === "True");
    return { name: `${namespace}/${name}`, isUp, state: isUp ? "available" : "not available" };
  });
}
