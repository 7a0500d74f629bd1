// SPDX-License-Identifier: Apache-2.0

import { readdirSync, readFileSync } from "node:fs";

import { until } from "../../../lib/until.ts";
import { cluster, getJson } from "./command-line.ts";

export const PROXY_CONTAINER = "perdure-proxy";

export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly containers: readonly Container[];
  };
  readonly status: {
    readonly phase: string;
    readonly conditions?: ReadonlyArray<{ readonly type: string; readonly status: string }>;
  };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly env?: ReadonlyArray<{ readonly name: string; readonly value?: string }>;
}

/** All pods of a service, including those that are ending. */
export async function podsOf(service: string): Promise<readonly Pod[]> {
  const list = await getJson<{ readonly items: readonly Pod[] }>(
    "pods",
    "-l",
    `serving.knative.dev/service=${service}`,
  );
  return list.items;
}

/** The pods of a service that are not being deleted. */
export async function livePodsOf(service: string): Promise<readonly Pod[]> {
  return (await podsOf(service)).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

function isReady({ status }: Pod): boolean {
  return (
    status.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") ?? false
  );
}

/** Waits until Knative has scaled the service to zero and all its pods are gone or being deleted. */
export async function untilZero(service: string): Promise<void> {
  await until(`${service} is at zero`, async () => (await livePodsOf(service)).length === 0, 120_000);
}

/** Waits until a revision of a service has so many pods, besides those that are ending, and all of them are ready. */
export async function untilPods(service: string, revision: string, count: number): Promise<readonly Pod[]> {
  let pods: readonly Pod[] = [];
  const areThere = async (): Promise<boolean> => {
    const ofRevision = ({ metadata }: Pod) => metadata.labels["serving.knative.dev/revision"] === revision;
    pods = (await livePodsOf(service)).filter(ofRevision);
    return pods.length === count && pods.every(isReady);
  };
  await until(`${revision} has ${count} pods`, areThere, 120_000);
  return pods;
}

/** A pod of a service that is ready: the only one, if the service has one. */
export async function readyPod(service: string): Promise<Pod> {
  let found: Pod | undefined;
  await until(
    `a pod of ${service} is ready`,
    async () => {
      found = (await livePodsOf(service)).find(isReady);
      return found !== undefined;
    },
    120_000,
  );
  if (found === undefined) throw new Error("unreachable");
  return found;
}

/** Asks for the pod to leave its node, as the draining of the node does. */
export async function evict({ metadata: { name } }: Pod): Promise<void> {
  const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace: "default" } };
  await cluster.run(
    ["kubectl", "create", "--raw", `/api/v1/namespaces/default/pods/${name}/eviction`, "-f", "-"],
    {
      input: JSON.stringify(eviction),
    },
  );
}

/**
 * Ends every process of the pod by SIGKILL at once, as the loss of its machine does. Only in a cluster of this machine,
 * whose processes are ours.
 */
export function killProcesses({ metadata: { uid } }: Pod): number {
  const pids = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => cgroupOf(pid).includes(uid));
  for (const pid of pids) process.kill(Number(pid), "SIGKILL");
  return pids.length;
}

function cgroupOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, "utf8");
  } catch {
    // It has ended.
    return "";
  }
}
