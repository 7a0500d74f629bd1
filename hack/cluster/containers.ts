// SPDX-License-Identifier: Apache-2.0

import { existsSync, globSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { runCommand } from "./command.ts";
import { containerdSocket, ctr } from "./containerd.ts";
import type { ClusterPaths } from "./paths.ts";
import { startTicksOf } from "./processes.ts";
import { waitFor } from "./wait.ts";

interface ContainerInfo {
  readonly Spec?: {
    readonly linux?: {
      readonly namespaces?: ReadonlyArray<{ readonly type: string; readonly path?: string }>;
    };
  };
}

const END_TIMEOUT_MS = 10_000;
const POLL_MS = 50;
/** The cgroups of pods, by their quality of service: in each hierarchy of version 1, or in the one of version 2. */
const CGROUPS = "/sys/fs/cgroup/{*/,}kubepods/{*/,}";
const CNI_NAMESPACE = /^\/(?:var\/)?run\/netns\/(cni-[0-9a-f-]+)$/;

/** Kills and deletes all containers of our containerd, which must be running. */
export async function removeContainers(paths: ClusterPaths): Promise<void> {
  const ids = lines((await ctr(paths, ["containers", "list", "-q"])).stdout);
  if (ids.length === 0) return;
  const networks = await networkNamespaces(paths, ids);
  const running = (await listTasks(paths)).filter(({ state }) => state === "RUNNING");
  await killAll(running.map(({ pid }) => pid));
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

/**
 * Kills the processes that containerd left running when it was killed: the shim of each pod, and the containers below
 * it.
 */
export async function endShims(paths: ClusterPaths): Promise<void> {
  const shims = globSync("/proc/[0-9]*/cmdline")
    .map((file) => Number(file.split("/")[2]))
    .filter((pid) => isShim(pid, containerdSocket(paths)));
  await killAll([...shims.flatMap(childrenOf), ...shims]);
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
      for (const path of [...inner, folder]) removeEmpty(path);
    }
  }
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It is in use, or gone.
  }
}

/** The names of the pods' network namespaces, which the CNI plugins made. */
async function networkNamespaces(paths: ClusterPaths, ids: readonly string[]): Promise<Set<string>> {
  const names = new Set<string>();
  for (const id of ids) {
    const { stdout } = await ctr(paths, ["containers", "info", id]);
    const { Spec: spec } = JSON.parse(stdout) as ContainerInfo;
    for (const { path } of spec?.linux?.namespaces ?? []) {
      const name = CNI_NAMESPACE.exec(path ?? "")?.[1];
      if (name !== undefined) names.add(name);
    }
  }
  return names;
}

function isShim(pid: number, socket: string): boolean {
  try {
    const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return (argv[0] ?? "").includes("containerd-shim") && argv.includes(socket);
  } catch {
    return false;
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/**
 * Kills the processes and waits until they have ended. When the first process of a container ends, all others of the
 * container end too.
 */
async function killAll(pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  }
  const endMs = performance.now() + END_TIMEOUT_MS;
  while (pids.some((pid) => startTicksOf(pid) !== undefined) && performance.now() < endMs)
    await delay(POLL_MS);
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
