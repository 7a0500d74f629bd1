// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Writable } from "node:stream";

import { descendants, processes } from "../../../lib/process-list.ts";
import type { TestScope } from "../../../lib/processes.ts";
import { until } from "../../../lib/until.ts";

const COMMAND_TIMEOUT_MS = 60_000;

/** Printed after each command, with its exit code. */
const MARK = "==the-command-has-ended==";
const MARKS = new RegExp(`\n${MARK}\\d+\n`, "g");

/**
 * Carries out commands with job control. They come by a pipe of their own, because programs that keep running may read
 * the standard input.
 */
const SHELL = `set -m; while IFS= read -r -d '' -u 3 command; do eval "$command"; printf '\\n${MARK}%s\\n' $?; done`;

/**
 * A shell with job control, as a person has it at a terminal: `&` leaves a program running, and `%1` names it.
 * Everything in it is killed with the test.
 */
export class Terminal {
  readonly #commands: Writable;
  #output = "";
  #errors = "";
  #seen = 0;

  constructor(scope: TestScope, folder: string, env: NodeJS.ProcessEnv) {
    const shell = spawn("bash", ["--noprofile", "--norc", "-c", SHELL], {
      cwd: folder,
      env,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    shell.stdout?.setEncoding("utf8").on("data", (chunk: string) => (this.#output += chunk));
    shell.stderr?.setEncoding("utf8").on("data", (chunk: string) => (this.#errors += chunk));
    this.#commands = shell.stdio[3] as Writable;
    const exited = once(shell, "exit");
    scope.teardown(async () => {
      for (const { pid } of descendants(await processes(), shell.pid ?? 0)) kill(pid);
      this.#commands.end();
      await exited;
    });
  }

  /** What was printed since the last call of this method. */
  news(): string {
    const text = this.#output.slice(this.#seen);
    this.#seen = this.#output.length;
    return text.replaceAll(MARKS, "");
  }

  /** Types a command and waits for its end. Returns what it printed; rejects if it failed. */
  async run(command: string): Promise<string> {
    const from = this.#output.length;
    this.#commands.write(`${command}\0`);
    const ended = new RegExp(`\n${MARK}(\\d+)\n`);
    const isOver = (): boolean => ended.test(this.#output.slice(from));
    await until(command, isOver, COMMAND_TIMEOUT_MS).catch((cause: unknown) => {
      throw new Error(`${command}\n${this.#output.slice(from)}\n${this.#errors}`, { cause });
    });
    const said = this.#output.slice(from);
    const code = ended.exec(said)?.[1];
    if (code !== "0") throw new Error(`exit code ${code}: ${command}\n${said}\n${this.#errors}`);
    return said.replace(ended, "");
  }

  /** Starts a program that keeps running, and waits until what it has printed matches. */
  async start(command: string, expected: RegExp): Promise<void> {
    const from = this.#output.length;
    await this.run(command.endsWith("&") ? command : `${command} &`);
    const said = (): string => this.#output.slice(from).replaceAll(MARKS, "").trim();
    await until(command, () => expected.test(said()), COMMAND_TIMEOUT_MS).catch((cause: unknown) => {
      throw new Error(`${expected} does not match:\n${said()}\n${this.#errors}`, { cause });
    });
    this.news();
  }

  /** Presses Ctrl-C, and waits until the program has ended. Does nothing if none is running. */
  async interrupt(): Promise<void> {
    await this.run("kill -INT %% 2>/dev/null; wait");
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended since it was listed.
  }
}
