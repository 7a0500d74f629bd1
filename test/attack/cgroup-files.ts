// SPDX-License-Identifier: Apache-2.0

/**
 * Reads what Linux writes into the files of control groups, in both versions (`cgroups(7)`, and the kernel's
 * documents `cgroup-v2` and `cgroup-v1/memory`). These are pure functions of the files' texts.
 */

export type CgroupVersion = 1 | 2;

/** Where groups that bound memory are made. */
export interface CgroupPlace {
  readonly version: CgroupVersion;
  /** The folder of the whole hierarchy. */
  readonly mount: string;
  /** This process's own group within it, as `/pod/container`. */
  readonly own: string;
}

/**
 * Finds the hierarchy that bounds memory, from `/proc/self/mountinfo` and `/proc/self/cgroup`. If both versions are
 * mounted and the first has the memory controller, it is the first, because a controller is in one hierarchy only.
 */
export function cgroupPlace(mountInfo: string, ownGroups: string): CgroupPlace | undefined {
  const mounts = mountInfo.split("\n").flatMap(readMount);
  const groups = ownGroups.split("\n").flatMap(readGroup);
  const first = mounts.find(({ type, options }) => type === "cgroup" && options.includes("memory"));
  const firstGroup = groups.find(({ controllers }) => controllers.includes("memory"));
  if (first !== undefined && firstGroup !== undefined)
    return { version: 1, mount: first.folder, own: firstGroup.path };
  const second = mounts.find(({ type }) => type === "cgroup2");
  const secondGroup = groups.find(({ controllers }) => controllers.length === 0);
  if (second === undefined || secondGroup === undefined) return undefined;
  return { version: 2, mount: second.folder, own: secondGroup.path };
}

interface Mount {
  readonly folder: string;
  readonly type: string;
  /** Options of the file system. In the first version they include the controllers. */
  readonly options: readonly string[];
}

/** `proc_pid_mountinfo(5)`: the fields after ` - ` are the type, the source and the options of the file system. */
function readMount(line: string): Mount[] {
  const [before = "", after = ""] = line.split(" - ");
  const folder = before.split(" ")[4];
  const [type, , options = ""] = after.split(" ");
  return folder === undefined || type === undefined ? [] : [{ folder, type, options: options.split(",") }];
}

/** A line is `number:controllers:path`; the second version has no controllers there. */
function readGroup(line: string): { readonly controllers: readonly string[]; readonly path: string }[] {
  const [, controllers, path] = /^\d+:([^:]*):(.+)$/.exec(line) ?? [];
  if (controllers === undefined || path === undefined) return [];
  return [{ controllers: controllers === "" ? [] : controllers.split(","), path }];
}

/** The names of a group's files and of the figures in them. */
export const CGROUP_FILES = {
  1: {
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    cache: "total_cache",
    shared: "total_shmem",
    kills: "memory.oom_control",
  },
  2: {
    limit: "memory.max",
    usage: "memory.current",
    cache: "file",
    shared: "shmem",
    kills: "memory.events",
  },
} as const;

/**
 * Memory of a group that the kernel cannot simply reclaim: everything but the page cache of files. Both versions
 * count shared memory as page cache, although it cannot be reclaimed.
 */
export function usedOfGroup(version: CgroupVersion, usage: string, stat: string): number {
  const { cache, shared } = CGROUP_FILES[version];
  const pageCache = figure(stat, cache) - figure(stat, shared);
  return Math.max(0, Number(usage) - pageCache);
}

/** The number of kills, from the text of `memory.oom_control` or `memory.events`. */
export function killsOfGroup(text: string): number {
  return figure(text, "oom_kill");
}

/** From lines of a name and a number each; 0 if it is not there. */
function figure(text: string, name: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}
