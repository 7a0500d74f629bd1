// SPDX-License-Identifier: Apache-2.0

import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { LineSplitter } from "../../dev/line-splitter.ts";

const MAIN = join(import.meta.dirname, "../../main.ts");

/** A real `perdure` in a separate process, for tests. It collects the lines of the output, and the exit code. */
export class PerdureProcess {
  /** What it wrote to both streams. */
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #watchers = new Set<() => void>();

  constructor(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}) {
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd,
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) {
      const splitter = new LineSplitter((line) => {
        this.lines.push(line);
        for (const look of this.#watchers) look();
      });
      stream.on("data", (chunk: Buffer) => splitter.write(chunk));
      stream.on("end", () => splitter.end());
    }
    this.#child = child;
    this.#exited = once(child, "close");
  }

  get text(): string {
    return this.lines.join("\n");
  }

  /**
   * The first match in a line, from line number `from` on.
   *
   * @throws Error with all lines if there is none in time, or if it ends before.
   */
  async find(pattern: RegExp, from = 0, timeoutMs = 30_000): Promise<RegExpExecArray> {
    const found = Promise.withResolvers<RegExpExecArray>();
    let next = from;
    const look = (): void => {
      for (; next < this.lines.length; next++) {
        const match = pattern.exec(this.lines[next] ?? "");
        if (match !== null) return found.resolve(match);
      }
    };
    const fail = (why: string) => () => found.reject(new Error(`${why} before ${pattern}:\n${this.text}`));
    const timer = setTimeout(fail("time is over"), timeoutMs);
    this.#watchers.add(look);
    void this.#exited.then(fail("it ended"));
    look();
    try {
      return await found.promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(look);
    }
  }

  /** Closes our ends of its output, as `| head` does when it has enough. */
  closeOutput(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The exit code, or the signal that ended it. */
  async exit(): Promise<number | NodeJS.Signals | null> {
    await this.#exited;
    return this.#child.exitCode ?? this.#child.signalCode;
  }
}
