// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";

/** Tells how much memory a process uses. */
export interface MemoryMeter {
  /**
   * `cgroup`: the memory of the whole cgroup. `process`: the memory in the process's own page tables, without socket
   * buffers.
   */
  readonly kind: "cgroup" | "process";
  /**
   * Bytes that the kernel cannot reclaim while the process runs. The page cache is not included, because the kernel
   * reclaims it when it needs the memory. Undefined when the process is gone.
   */
  usedBytes(): number | undefined;
  /** How often the kernel has killed a process for lack of memory. */
  outOfMemoryKills(): number;
}

/** Reads `/proc/PID/status`, for machines on which no cgroup can be made. */
export function processMeter(pid: number): MemoryMeter {
  return {
    kind: "process",
    usedBytes: () => {
      try {
        return usedOfStatus(readFileSync(`/proc/${pid}/status`, "utf8"));
      } catch {
        return undefined;
      }
    },
    outOfMemoryKills: () => 0,
  };
}

/** Anonymous and shared memory of a process, from its `/proc/PID/status`; undefined for one that has ended. */
export function usedOfStatus(status: string): number | undefined {
  const anonymous = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
  const shared = /^RssShmem:\s+(\d+) kB$/m.exec(status)?.[1];
  return anonymous === undefined ? undefined : (Number(anonymous) + Number(shared ?? 0)) * 1_024;
}
