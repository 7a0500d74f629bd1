// SPDX-License-Identifier: Apache-2.0

/**
 * The network namespace in which the whole cluster lives, so that its bridge, addresses and packet filters vanish with
 * it, no port of the machine is taken, and nothing in the cluster reaches the network of the machine.
 */

import { existsSync } from "node:fs";

import { NETWORK_NAMESPACE, NODE_ADDRESS } from "./addresses.ts";
import type { RunCommand } from "./command.ts";
import { runCommand } from "./command.ts";

const FILE = `/var/run/netns/${NETWORK_NAMESPACE}`;

/** The command line that runs another one inside. `ip netns exec` would hide the cgroup file systems from it. */
export function inside(argv: readonly string[]): string[] {
  return ["nsenter", `--net=${FILE}`, ...argv];
}

export const runInside: RunCommand = (argv, options) => runCommand(inside(argv), options);

function networkExists(): boolean {
  return existsSync(FILE);
}

/** Makes the namespace unless it exists. Its default route leads nowhere, and is there because Kubernetes needs one. */
export async function createNetwork(): Promise<void> {
  if (networkExists()) return;
  await runCommand(["ip", "netns", "add", NETWORK_NAMESPACE]);
  for (const line of [
    "ip link set lo up",
    "ip link add node0 type veth peer name node1",
    `ip addr add ${NODE_ADDRESS}/24 dev node0`,
    "ip link set node0 up",
    "ip link set node1 up",
    "ip route add default dev node0",
    "sysctl -qw net.ipv4.ip_forward=1",
  ]) {
    await runInside(line.split(" "));
  }
}

export async function removeNetwork(): Promise<void> {
  if (networkExists()) await runCommand(["ip", "netns", "delete", NETWORK_NAMESPACE]);
}
