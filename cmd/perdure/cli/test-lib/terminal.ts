// SPDX-License-Identifier: Apache-2.0

import type { IPty } from "@lydell/node-pty";
import { spawn } from "@lydell/node-pty";
import type { Terminal } from "@xterm/headless";
import xterm from "@xterm/headless";

export interface TerminalOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Characters in a line. */
  readonly columns?: number;
}

/**
 * A program in a pseudo terminal, for tests: a test sees and types what a person could. Input goes through the
 * system's own terminal, so that Ctrl-C becomes a signal. A terminal emulator puts the output on a screen, so that
 * text that was written over is gone.
 */
export class TerminalProcess {
  readonly #pty: IPty;
  readonly #screen: Terminal;
  readonly #watchers = new Set<() => void>();
  readonly #exited = Promise.withResolvers<number>();

  constructor(file: string, args: readonly string[], { cwd, env = {}, columns = 200 }: TerminalOptions) {
    const size = { cols: columns, rows: 50 };
    this.#screen = new xterm.Terminal({ ...size, scrollback: 10_000, allowProposedApi: true });
    this.#pty = spawn(file, [...args], {
      ...size,
      cwd,
      name: "xterm-256color",
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], TERM: "xterm-256color", ...env },
    });
    this.#pty.onData((data) => {
      this.#screen.write(data, () => {
        for (const look of this.#watchers) look();
      });
    });
    this.#pty.onExit(({ exitCode }) => {
      // Resolves only when its last output is on the screen.
      this.#screen.write("", () => this.#exited.resolve(exitCode));
    });
  }

  /** The lines on the screen and those that have left it at the top, without blanks at their ends. */
  get lines(): string[] {
    const { active } = this.#screen.buffer;
    const lines: string[] = [];
    for (let y = 0; y < active.length; y++) {
      const line = active.getLine(y);
      const text = line?.translateToString(true) ?? "";
      if (line?.isWrapped === true) lines.push(`${lines.pop() ?? ""}${text}`);
      else lines.push(text);
    }
    return lines;
  }

  get text(): string {
    return this.lines.join("\n").trimEnd();
  }

  /** Types the text; `\u0003` is Ctrl-C, `\r` the return key. */
  type(text: string): void {
    this.#pty.write(text);
  }

  /** How often the screen has the text. */
  count(text: string): number {
    return this.text.split(text).length - 1;
  }

  /**
   * Waits until the screen has a match.
   *
   * @throws Error with the screen if there is none in time, or if the program ends before.
   */
  async until(pattern: RegExp, timeoutMs = 60_000): Promise<RegExpExecArray> {
    const found = Promise.withResolvers<RegExpExecArray>();
    const look = (): void => {
      const match = pattern.exec(this.text);
      if (match !== null) found.resolve(match);
    };
    const fail = (why: string) => () => {
      look();
      found.reject(new Error(`${why} before ${pattern}:\n${this.text}`));
    };
    const timer = setTimeout(fail("time is over"), timeoutMs);
    this.#watchers.add(look);
    void this.#exited.promise.then(fail("it ended"));
    look();
    try {
      return await found.promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(look);
    }
  }

  /** The exit code. */
  exit(): Promise<number> {
    return this.#exited.promise;
  }

  kill(): void {
    try {
      this.#pty.kill("SIGKILL");
    } catch {
      // It has ended.
    }
  }
}
