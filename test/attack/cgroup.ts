// SPDX-License-Identifier: Apache-2.0

/**
 * A control group with a memory bound, like that of a container.
 *
 * 1. A process is in the group from its first instruction on, because Node sizes its heap by the bound that it finds.
 * 2. Beyond the bound the kernel kills the process. It cannot use swap instead.
 * 3. The group is removed with the scope. Groups that an earlier, killed run left are removed first.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { TestScope } from "../lib/processes.ts";
import type { CgroupPlace } from "./cgroup-files.ts";
import { CGROUP_FILES, cgroupPlace, killsOfGroup, usedOfGroup } from "./cgroup-files.ts";
import type { MemoryMeter } from "./memory.ts";

export interface MemoryCgroup {
  /** What goes before a command line so that it runs in the group. */
  readonly prefix: readonly string[];
  readonly meter: MemoryMeter;
}

const NAME = "perdure-attack-";
const REMOVE_TRIES = 50;
const REMOVE_PAUSE_MS = 20;

let made = 0;

/** Makes a group. Undefined if this machine does not allow it. */
export function openCgroup(scope: TestScope, maxBytes: number): MemoryCgroup | undefined {
  const place = cgroupPlace(textOf("/proc/self/mountinfo"), textOf("/proc/self/cgroup"));
  if (place === undefined) return undefined;
  for (const parent of parents(place)) {
    removeLeftovers(parent);
    const folder = join(parent, `${NAME}${process.pid}-${made++}`);
    if (!makeGroup(place, parent, folder, maxBytes)) continue;
    scope.teardown(() => removeGroup(folder));
    return { prefix: ["/bin/sh", ...inGroup(folder)], meter: meterOf(place, folder) };
  }
  return undefined;
}

/** A shell moves itself into the group, and then becomes the command by `exec`. */
function inGroup(folder: string): string[] {
  return ["-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', folder];
}

/**
 * Our own group first, then its ancestors. In version 2 a group that contains processes may not have child groups
 * with bounds.
 */
function parents({ mount, own }: CgroupPlace): string[] {
  const found: string[] = [];
  for (let path = own; ; path = dirname(path)) {
    found.push(join(mount, path));
    if (path === "/" || path === ".") return found.filter((folder) => folder.startsWith(mount));
  }
}

/** False, and nothing is left, if it cannot be made or cannot be used. */
function makeGroup({ version }: CgroupPlace, parent: string, folder: string, maxBytes: number): boolean {
  try {
    if (version === 2) writeFileSync(join(parent, "cgroup.subtree_control"), "+memory");
    mkdirSync(folder);
  } catch {
    return false;
  }
  try {
    writeFileSync(join(folder, CGROUP_FILES[version].limit), String(maxBytes));
    withoutSwap(version, folder);
    if (spawnSync("/bin/sh", [...inGroup(folder), "/bin/true"]).status === 0) return true;
  } catch {
    // The folder was made, but its files cannot be written to.
  }
  rmdirSync(folder);
  return false;
}

/** A machine without swap may lack these files. */
function withoutSwap(version: CgroupPlace["version"], folder: string): void {
  try {
    if (version === 2) writeFileSync(join(folder, "memory.swap.max"), "0");
    else writeFileSync(join(folder, "memory.swappiness"), "0");
  } catch {
    // Then there is no swap to switch off.
  }
}

function meterOf({ version }: CgroupPlace, folder: string): MemoryMeter {
  const { usage, kills } = CGROUP_FILES[version];
  return {
    kind: "cgroup",
    usedBytes: () => {
      const used = textOf(join(folder, usage));
      return used === "" ? undefined : usedOfGroup(version, used, textOf(join(folder, "memory.stat")));
    },
    outOfMemoryKills: () => killsOfGroup(textOf(join(folder, kills))),
  };
}

/** The kernel may take a moment to see that the group's last process has ended. */
async function removeGroup(folder: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return rmdirSync(folder);
    } catch (error) {
      if (tries === REMOVE_TRIES) throw error;
      await delay(REMOVE_PAUSE_MS);
    }
  }
}

function removeLeftovers(parent: string): void {
  for (const name of foldersOf(parent)) {
    const pid = Number(name.slice(NAME.length).split("-")[0]);
    if (!name.startsWith(NAME) || isAlive(pid)) continue;
    try {
      rmdirSync(join(parent, name));
    } catch {
      // The group still contains a process.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function foldersOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Empty if it cannot be read. */
function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
