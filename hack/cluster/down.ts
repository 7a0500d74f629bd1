// SPDX-License-Identifier: Apache-2.0

import { rmSync } from "node:fs";

import { endShims, removeCgroups, removeContainers, unmountBelow } from "./containers.ts";
import { removeNetwork } from "./network.ts";
import type { ClusterPaths } from "./paths.ts";
import { Processes } from "./processes.ts";
import type { Steps } from "./steps.ts";

/** How long a program may take to end when asked, before it is killed. */
const GRACE_MS = 5_000;

/** Killed at once, because they have nothing to save; in an orderly end the API server alone takes many seconds. */
const STATELESS = [
  "kube-proxy",
  "coredns",
  "kube-scheduler",
  "kube-controller-manager",
  "kube-apiserver",
  "registry",
];

/**
 * Ends the cluster: the processes that it started, its containers, their mounts and network namespaces. With `wipe` its
 * state goes as well; programs and images stay. Whatever of it is already gone is passed over.
 */
export async function stop(paths: ClusterPaths, wipe: boolean, steps: Steps): Promise<void> {
  const processes = new Processes(paths);
  await steps.run("stop control plane", async () => {
    // kubelet first, because it would start containers again.
    await processes.stop("kubelet", wipe ? 0 : GRACE_MS);
    await Promise.all(STATELESS.map((name) => processes.stop(name, 0)));
    await processes.stop("etcd", wipe ? 0 : GRACE_MS);
  });
  await steps.run("stop containers", async () => {
    if (processes.isRunning("containerd")) await removeContainers(paths);
    await processes.stop("containerd", GRACE_MS);
    await endShims(paths);
  });
  await steps.run("remove mounts, network", async () => {
    removeCgroups(paths);
    await unmountBelow(paths.run);
    await removeNetwork();
  });
  if (wipe) await steps.run("remove state", () => rmSync(paths.run, { recursive: true, force: true }));
}
