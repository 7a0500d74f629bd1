// SPDX-License-Identifier: Apache-2.0

import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Listed {
  readonly pid: number;
  readonly parent: number;
  /** The state that `ps` prints. `T…` is a stopped process. */
  readonly state: string;
  readonly command: string;
}

/** All processes of the machine, except those that have ended and are waiting for their parent. */
export async function processes(): Promise<Listed[]> {
  const { stdout } = await run("ps", ["-A", "-o", "pid=,ppid=,stat=,args="]);
  return stdout.split("\n").flatMap((line) => {
    const [, pid, parent, state = "", command = ""] = /^ *(\d+) +(\d+) +(\S+) +(.*)$/.exec(line) ?? [];
    if (pid === undefined || state.startsWith("Z")) return [];
    return [{ pid: Number(pid), parent: Number(parent), state, command }];
  });
}

/** All descendants of a process. */
export function descendants(all: readonly Listed[], ancestor: number): Listed[] {
  const children = all.filter(({ parent }) => parent === ancestor);
  return [...children, ...children.flatMap(({ pid }) => descendants(all, pid))];
}
