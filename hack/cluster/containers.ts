// SPDX-License-Identifier: Apache-2.0

import { existsSync, globSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";

import { runCommand } from "./command.ts";
import { containerdSocket, ctr } from "./containerd.ts";
import type { ClusterPaths } from "./paths.ts";
import { attempt, endAll } from "./processes.ts";
import { waitFor } from "./wait.ts";

const END_TIMEOUT_MS = 10_000;
/** The cgroups of pods, by their quality of service: in each hierarchy of version 1, or in the one of version 2. */
const CGROUPS = "/sys/fs/cgroup/{*/,}kubepods/{*/,}";
const CNI_NAMESPACE = /\/run\/netns\/(cni-[0-9a-f-]+)"/g;

/** Kills and deletes all containers of our containerd, which must be running. */
export async function removeContainers(paths: ClusterPaths): Promise<void> {
  const ids = lines((await ctr(paths, ["containers", "list", "-q"])).stdout);
  if (ids.length === 0) return;
  const networks = await networkNamespaces(paths, ids);
  const running = (await listTasks(paths)).filter(({ state }) => state === "RUNNING");
  // When the first process of a container ends, all others of the container end too.
  const pids = running.map(({ pid }) => pid);
  await endAll(pids, "SIGKILL", END_TIMEOUT_MS);
  // Repeated, because containerd itself deletes most tasks when they end, perhaps while this deletes them.
  await waitFor("containers", () => deleteTasks(paths), END_TIMEOUT_MS);
  await ctr(paths, ["containers", "delete", ...ids]);
  for (const name of networks) await runCommand(["ip", "netns", "delete", name]).catch(() => {});
}

async function deleteTasks(paths: ClusterPaths): Promise<void> {
  const tasks = await listTasks(paths);
  if (tasks.length === 0) return;
  await ctr(paths, ["tasks", "delete", "--force", ...tasks.map(({ id }) => id)]);
}

async function listTasks(paths: ClusterPaths): Promise<Array<{ id: string; pid: number; state: string }>> {
  const [, ...rows] = lines((await ctr(paths, ["tasks", "list"])).stdout);
  return rows
    .map((row) => row.split(/\s+/))
    .map(([id = "", pid, state = ""]) => ({ id, pid: Number(pid), state }));
}

/** Kills what containerd left running when it was killed: the shim of each pod, and the containers below it. */
export async function endShims(paths: ClusterPaths): Promise<void> {
  const shims = globSync("/proc/[0-9]*/cmdline")
    .map((file) => Number(file.split("/")[2]))
    .filter((pid) => isShim(pid, containerdSocket(paths)));
  await endAll([...shims.flatMap(childrenOf), ...shims], "SIGKILL", END_TIMEOUT_MS);
}

/** Unmounts every file system that is mounted below the folder. */
export async function unmountBelow(folder: string): Promise<void> {
  const targets = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${folder}/`));
  // Inner mounts first. Lazily, because the processes that use them are still ending.
  for (const path of targets.sort().reverse()) await runCommand(["umount", "--lazy", path]).catch(() => {});
}

/** Removes the cgroups of our pods, which kubelet would have removed in its own time. */
export function removeCgroups({ run }: ClusterPaths): void {
  const pods = join(run, "kubelet", "pods");
  for (const uid of existsSync(pods) ? readdirSync(pods) : []) {
    for (const folder of globSync(`${CGROUPS}pod${uid}`)) {
      // Inner cgroups first. A cgroup that is in use stays.
      const inner = globSync("*/", { cwd: folder }).map((name) => join(folder, name));
      for (const path of [...inner, folder]) attempt(() => rmdirSync(path));
    }
  }
}

/** The names of the pods' network namespaces, which the CNI plugins made. */
async function networkNamespaces(paths: ClusterPaths, ids: readonly string[]): Promise<Set<string>> {
  const names = new Set<string>();
  for (const id of ids) {
    const { stdout } = await ctr(paths, ["containers", "info", id]);
    for (const [, name = ""] of stdout.matchAll(CNI_NAMESPACE)) names.add(name);
  }
  return names;
}

function isShim(pid: number, socket: string): boolean {
  const [program = "", ...args] = readProcess(pid, "cmdline").split("\0");
  return program.includes("containerd-shim") && args.includes(socket);
}

function childrenOf(pid: number): number[] {
  return readProcess(pid, `task/${pid}/children`).split(" ").filter(Boolean).map(Number);
}

/** Empty if the process has ended. */
function readProcess(pid: number, file: string): string {
  return attempt(() => readFileSync(`/proc/${pid}/${file}`, "utf8")) ?? "";
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
