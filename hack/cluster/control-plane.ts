// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import { ETCD_PEER_URL, ETCD_URL, NODE_ADDRESS, SERVICE_NETWORK } from "./addresses.ts";
import type { Credentials } from "./credentials.ts";
import { kubectl } from "./kubectl.ts";
import { inside } from "./network.ts";
import type { ClusterPaths } from "./paths.ts";
import type { Processes } from "./processes.ts";
import { waitFor } from "./wait.ts";

const START_TIMEOUT_MS = 60_000;

/** Starts a program that we have built, inside the cluster's network. */
export function startBuilt(
  { bin }: ClusterPaths,
  processes: Processes,
  name: string,
  ...args: readonly string[]
): void {
  processes.start(name, inside([join(bin, name), ...args]));
}

/** Starts etcd and the API server, and does not wait. */
export function startApi(paths: ClusterPaths, processes: Processes, credentials: Credentials): void {
  startBuilt(
    paths,
    processes,
    "etcd",
    `--data-dir=${join(paths.run, "etcd")}`,
    `--listen-client-urls=${ETCD_URL}`,
    `--advertise-client-urls=${ETCD_URL}`,
    `--listen-peer-urls=${ETCD_PEER_URL}`,
    `--initial-advertise-peer-urls=${ETCD_PEER_URL}`,
    `--initial-cluster=default=${ETCD_PEER_URL}`,
    // No syncs, because a power failure loses only a cluster for development.
    "--unsafe-no-fsync",
    "--log-level=warn",
  );
  startBuilt(
    paths,
    processes,
    "kube-apiserver",
    `--etcd-servers=${ETCD_URL}`,
    `--service-cluster-ip-range=${SERVICE_NETWORK}`,
    `--advertise-address=${NODE_ADDRESS}`,
    // The API server reaches the node by its address, because its name is in no DNS.
    "--kubelet-preferred-address-types=InternalIP",
    "--secure-port=6443",
    `--tls-cert-file=${credentials.serverCertificate}`,
    `--tls-private-key-file=${credentials.serverKey}`,
    `--token-auth-file=${credentials.tokens}`,
    "--authorization-mode=RBAC",
    "--allow-privileged=true",
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--service-account-key-file=${credentials.accountPublicKey}`,
    `--service-account-signing-key-file=${credentials.accountKey}`,
  );
}

export async function waitForApi(paths: ClusterPaths): Promise<void> {
  await waitFor("the API server", () => kubectl(paths, ["get", "--raw", "/readyz"]), START_TIMEOUT_MS);
}

/** Starts the programs that use only the API. There is one of each, so no leader is elected. */
export function startControllers(paths: ClusterPaths, processes: Processes, credentials: Credentials): void {
  const access = ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"].map(
    (flag) => `--${flag}=${paths.kubeconfig}`,
  );
  const common = [...access, "--leader-elect=false", "--bind-address=127.0.0.1"];
  const keys = [
    `--service-account-private-key-file=${credentials.accountKey}`,
    `--root-ca-file=${credentials.authority}`,
  ];
  startBuilt(paths, processes, "kube-controller-manager", ...common, ...keys);
  startBuilt(paths, processes, "kube-scheduler", ...common);
}
