// SPDX-License-Identifier: Apache-2.0

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { DNS_READY_ADDRESS, NODE_ADDRESS, NODE_NAME, POD_NETWORK } from "./addresses.ts";
import { containerdSocket } from "./containerd.ts";
import { startBuilt } from "./control-plane.ts";
import { kubectl } from "./kubectl.ts";
import { runInside } from "./network.ts";
import type { ClusterPaths } from "./paths.ts";
import type { Processes } from "./processes.ts";
import { waitFor } from "./wait.ts";

const READY_TIMEOUT_MS = 90_000;
/** Namespaces of controllers that hold leases. The leases are still there after a stop of the cluster. */
const LEASE_NAMESPACES = ["knative-serving", "knative-eventing"];

/** Starts kubelet, kube-proxy and DNS, and does not wait. */
export async function startNode(paths: ClusterPaths, processes: Processes): Promise<void> {
  if (!processes.isRunning("kubelet")) await forgetPods(paths);
  const kubelet = kubeletConfiguration(paths, put(paths, "resolv.conf", ""));
  startBuilt(
    paths,
    processes,
    "kubelet",
    `--config=${put(paths, "kubelet.yaml", json(kubelet))}`,
    `--kubeconfig=${paths.kubeconfig}`,
    `--root-dir=${join(paths.run, "kubelet")}`,
    `--cert-dir=${join(paths.run, "kubelet-pki")}`,
    `--hostname-override=${NODE_NAME}`,
    `--node-ip=${NODE_ADDRESS}`,
  );
  const proxy = put(paths, "kube-proxy.yaml", json(proxyConfiguration(paths)));
  startBuilt(paths, processes, "kube-proxy", `--config=${proxy}`);
  startBuilt(paths, processes, "coredns", "-conf", put(paths, "Corefile", corefileText(paths)));
}

export async function waitForNode(paths: ClusterPaths): Promise<void> {
  const wait = ["wait", "--for=condition=Ready", `node/${NODE_NAME}`, "--timeout=5s"];
  await waitFor("the node", () => kubectl(paths, wait), READY_TIMEOUT_MS);
  const ask = ["curl", "-sf", "-m", "2", `http://${DNS_READY_ADDRESS}/ready`];
  await waitFor("DNS", () => runInside(ask), READY_TIMEOUT_MS);
}

/**
 * Deletes pods and leases of an earlier start. These pods no longer run, but the API still lists them: their
 * deployments would look available, and their replacements would wait until the leases expire.
 */
async function forgetPods(paths: ClusterPaths): Promise<void> {
  await kubectl(paths, ["delete", "pods", "--all", "-A", "--force", "--grace-period=0"]);
  for (const name of LEASE_NAMESPACES) {
    await kubectl(paths, ["delete", "leases", "--all", "-n", name, "--ignore-not-found"]);
  }
}

function kubeletConfiguration(paths: ClusterPaths, resolvConf: string): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    containerRuntimeEndpoint: `unix://${containerdSocket(paths)}`,
    cgroupDriver: "cgroupfs",
    cgroupRoot: "/",
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: "AlwaysAllow" },
    clusterDNS: [NODE_ADDRESS],
    clusterDomain: "cluster.local",
    // Empty, so that a lookup of a name outside of the cluster fails at once instead of timing out.
    resolvConf,
    address: NODE_ADDRESS,
    readOnlyPort: 0,
    imageGCHighThresholdPercent: 100,
    evictionHard: { "memory.available": "200Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
    maxPods: 200,
    serializeImagePulls: false,
    podLogsDir: join(paths.run, "pod-logs"),
  };
}

function proxyConfiguration(paths: ClusterPaths): object {
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: "iptables",
    clientConnection: { kubeconfig: paths.kubeconfig },
    clusterCIDR: POD_NETWORK,
    hostnameOverride: NODE_NAME,
    // Zero leaves the kernel's settings unchanged, because they belong to the whole machine.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
    metricsBindAddress: "127.0.0.1:10249",
    iptables: { minSyncPeriod: "100ms", syncPeriod: "30s" },
  };
}

function corefileText(paths: ClusterPaths): string {
  return `.:53 {
  errors
  ready ${DNS_READY_ADDRESS}
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${paths.kubeconfig} ${NODE_NAME}
    ttl 1
  }
  template ANY ANY . {
    rcode NXDOMAIN
  }
}
`;
}

/** Writes a file and returns its path. Leaves equal text alone, because kube-proxy ends when its file is written. */
function put({ run }: ClusterPaths, name: string, text: string): string {
  const file = join(run, name);
  if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text);
  return file;
}

function json(value: object): string {
  return JSON.stringify(value, undefined, 2);
}
