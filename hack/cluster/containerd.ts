// SPDX-License-Identifier: Apache-2.0

/** containerd with its own state, configuration and socket, beside any other that the machine may have. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { LOCAL_REGISTRY, NODE_NAME, POD_NETWORK, REGISTRY_PORT } from "./addresses.ts";
import type { CommandOptions, CommandOutput } from "./command.ts";
import { runCommand } from "./command.ts";
import { inside } from "./network.ts";
import type { ClusterPaths } from "./paths.ts";
import type { Processes } from "./processes.ts";
import { waitFor } from "./wait.ts";

/** containerd's namespace for the containers and images of Kubernetes. */
const KUBERNETES_NAMESPACE = "k8s.io";
const START_TIMEOUT_MS = 30_000;
const CNI_FOLDER = "/usr/lib/cni";

export function containerdSocket({ run }: ClusterPaths): string {
  return join(run, "containerd.sock");
}

/** containerd's own command line, about the containers and images of Kubernetes. */
export function ctr(
  paths: ClusterPaths,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandOutput> {
  const argv = ["ctr", "--address", containerdSocket(paths), "-n", KUBERNETES_NAMESPACE, ...args];
  return runCommand(argv, options);
}

export async function startContainerd(
  paths: ClusterPaths,
  processes: Processes,
  pauseImage: string,
): Promise<void> {
  const cni = join(paths.run, "cni");
  const hosts = join(paths.run, "registries");
  // `_default` stands for every other registry. Ours answers for those too, so that a pull of an image that was not
  // loaded fails at once, not only after a lookup has timed out.
  for (const host of [LOCAL_REGISTRY, "_default"]) {
    mkdirSync(join(hosts, host), { recursive: true });
    writeFileSync(join(hosts, host, "hosts.toml"), hostsToml());
  }
  mkdirSync(cni, { recursive: true });
  writeFileSync(join(cni, "10-perdure.conflist"), cniText(join(paths.run, "ipam")));
  const config = join(paths.run, "containerd.toml");
  writeFileSync(config, configToml(paths, { cni, hosts, pauseImage }));
  processes.start("containerd", inside(["containerd", "--config", config]));
  await waitFor("containerd", () => ctr(paths, ["version"]), START_TIMEOUT_MS);
}

function hostsToml(): string {
  const url = `http://127.0.0.1:${REGISTRY_PORT}`;
  return `server = "${url}"\n[host."${url}"]\n  capabilities = ["pull", "resolve"]\n`;
}

function configToml(
  paths: ClusterPaths,
  { cni, hosts, pauseImage }: { readonly cni: string; readonly hosts: string; readonly pauseImage: string },
): string {
  // `restrict_oom_score_adj`, because root in a container often may not make a process less likely to be killed when
  // memory runs out.
  return `version = 2
root = "${join(paths.run, "containerd", "root")}"
state = "${join(paths.run, "containerd", "state")}"
[grpc]
  address = "${containerdSocket(paths)}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${CNI_FOLDER}"
    conf_dir = "${cni}"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${hosts}"
`;
}

function cniText(leases: string): string {
  const ipam = {
    type: "host-local",
    dataDir: leases,
    ranges: [[{ subnet: POD_NETWORK }]],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  return JSON.stringify({
    cniVersion: "0.4.0",
    name: NODE_NAME,
    plugins: [
      { type: "bridge", bridge: "cni0", isGateway: true, ipMasq: true, hairpinMode: true, ipam },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  });
}
