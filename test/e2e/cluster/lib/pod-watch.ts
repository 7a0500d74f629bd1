// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { until } from "../../../lib/until.ts";
import { cluster } from "./command-line.ts";

/**
 * Times at which events of a pod were received from Kubernetes, by the wall clock in milliseconds. Pods that are
 * being deleted are ignored.
 */
export interface PodSighting {
  readonly name: string;
  readonly seenMs: number;
  scheduledMs?: number;
}

export interface PodWatch {
  /** Pods that were seen first after this moment. */
  since(wallMs: number): readonly PodSighting[];
  stop(): void;
}

const FORMAT =
  '{.metadata.name} {.status.conditions[?(@.type=="PodScheduled")].status} {.metadata.deletionTimestamp}{"\\n"}';

/**
 * Watches the pods of a service. It uses the clock of this machine, because Kubernetes' own times are in whole
 * seconds.
 */
export async function watchPods(service: string): Promise<PodWatch> {
  const selector = `serving.knative.dev/service=${service}`;
  const line = cluster.commandLine([
    "kubectl",
    "get",
    "pods",
    "-l",
    selector,
    "-w",
    "-o",
    `jsonpath=${FORMAT}`,
  ]);
  const [command = "", ...args] = line.argv;
  const child = spawn(command, args, {
    env: { ...process.env, ...line.env },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const pods = new Map<string, PodSighting>();
  createInterface({ input: child.stdout }).on("line", (text) => {
    const [name = "", scheduled, deleted] = text.split(" ");
    if (deleted !== undefined && deleted !== "") return;
    const pod = pods.get(name) ?? { name, seenMs: Date.now() };
    pods.set(name, pod);
    if (scheduled === "True") pod.scheduledMs ??= Date.now();
  });
  await until("the watch has begun", () => child.pid !== undefined);
  return {
    since: (wallMs) => [...pods.values()].filter(({ seenMs }) => seenMs >= wallMs),
    stop: () => void child.kill(),
  };
}
