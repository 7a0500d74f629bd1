// SPDX-License-Identifier: Apache-2.0

import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { FoundProgram } from "./debian-program.ts";
import { debianFile } from "./debian-program.ts";

/**
 * Clocks of processes that go wrong, by Debian's libfaketime: a library that is loaded first and answers what a process
 * asks of its clocks.
 *
 *     const found = await findClockBender();
 *     startProcess(t, main, driftingClock(found.path, 1.1));
 */
const TRIPLETS: Partial<Record<NodeJS.Architecture, string>> = {
  x64: "x86_64-linux-gnu",
  arm64: "aarch64-linux-gnu",
};

type Environment = Readonly<Record<string, string>>;

/** The library. The first call on a machine downloads it. */
export async function findClockBender(): Promise<FoundProgram> {
  const triplet = TRIPLETS[process.arch];
  if (process.platform !== "linux" || triplet === undefined)
    return { kind: "missing", reason: "libfaketime is taken from Debian, for x64 and arm64" };
  return debianFile({
    package: "libfaketime",
    path: `usr/lib/${triplet}/faketime/libfaketimeMT.so.1`,
  });
}

/** The variables of a process all of whose clocks go `rate` times as fast as those of others. */
export function driftingClock(library: string, rate: number): Environment {
  return { LD_PRELOAD: library, FAKETIME: `+0 x${rate}` };
}

/** A wall clock that jumps, while the monotonic clock goes on. The process notices a jump within a second. */
export class JumpingClock {
  readonly env: Environment;
  readonly #file: string;

  /** @param folder where the clock keeps by how much it is wrong; no other clock has the same. */
  constructor(library: string, folder: string) {
    this.#file = join(folder, "clock");
    this.jump(0);
    this.env = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_CACHE_DURATION: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
  }

  /** From now on it is wrong by so much. */
  jump(bySeconds: number): void {
    // A process may read it at any moment.
    writeFileSync(`${this.#file}.new`, `${bySeconds < 0 ? "-" : "+"}${Math.abs(bySeconds)}\n`);
    renameSync(`${this.#file}.new`, this.#file);
  }
}
