// SPDX-License-Identifier: Apache-2.0

import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

import type { Children } from "./children.ts";
import { residentBytes } from "./resident-memory.ts";

const PROXY = new URL("../../cmd/proxy/main.ts", import.meta.url);

/** How long a proxy may take to start, and to find its user function. */
const START_TIMEOUT_MS = 20_000;

/** Long enough that no entity leaves memory while it is measured, in milliseconds. */
const PASSIVATION_TIMEOUT_MS = 3_600_000;

/** A port at which nobody answers, for a proxy without a user function. */
const NO_USER_FUNCTION_PORT = 1;

const KEPT_LINES = 20;

export interface ProxySettings {
  /** The event log's address. */
  readonly log: string;
  /** Undefined: there is no user function. */
  readonly userFunctionPort?: number;
  /** Flags for Node itself. */
  readonly nodeArgs?: readonly string[];
  /** The file that is run. Default: the source. */
  readonly main?: URL;
  /** Where compiled code is kept for the next start. Default: where the proxy keeps it. */
  readonly codeFolder?: string;
}

/** A proxy as a process of its own, as it is in a pod. */
export interface ProxyProcess {
  readonly port: number;
  /** From the start of the process to its line "listening". */
  readonly startUpMs: number;
  /** From the start of the process until it is ready: it listens and has found its user function, if it has one. */
  readonly readyMs: number;
  /** Where Node's inspector listens, if the flags for Node ask for it. */
  readonly inspectorUrl: string | undefined;
  /** Memory that is in RAM now. */
  residentBytes(): number;
  stop(): Promise<void>;
  /** Kills the process, so that it ends without a shutdown, as when its machine fails. */
  kill(): Promise<void>;
}

/** Starts a proxy and waits until it listens and, if it has a user function, has found it. */
export async function startProxyProcess(children: Children, settings: ProxySettings): Promise<ProxyProcess> {
  const { log, userFunctionPort, nodeArgs = [], main = PROXY, codeFolder } = settings;
  const flags: Readonly<Record<string, string | number>> = {
    "http-host": "127.0.0.1",
    "http-port": 0,
    "admin-host": "127.0.0.1",
    "admin-port": 0,
    "user-function-port": userFunctionPort ?? NO_USER_FUNCTION_PORT,
    "passivation-timeout": PASSIVATION_TIMEOUT_MS,
    "log-level": "info",
    log,
  };
  const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
  const env = codeFolder === undefined ? {} : { NODE_COMPILE_CACHE: codeFolder };
  const startedMs = performance.now();
  const child = children.spawn(main, nodeArgs, args, env);
  const output = new ProxyOutput(child);
  const listening = await output.line("listening");
  const startUpMs = performance.now() - startedMs;
  if (userFunctionPort !== undefined) await output.line("user function found");
  return {
    port: Number(listening["port"]),
    startUpMs,
    readyMs: performance.now() - startedMs,
    inspectorUrl: output.inspectorUrl,
    residentBytes: () => residentBytes(child.pid ?? 0),
    stop: () => children.stop(child),
    kill: () => children.kill(child),
  };
}

type LogLine = Readonly<Record<string, unknown>>;

/** The output of a proxy: structured lines on standard output, anything else on standard error. */
class ProxyOutput {
  readonly #child: ChildProcess;
  readonly #lines = new Map<string, LogLine>();
  readonly #waiting = new Map<string, (line: LogLine) => void>();
  /** The last lines of both, for when it goes wrong. */
  readonly #last: string[] = [];
  inspectorUrl: string | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout === null || child.stderr === null) throw new Error("the proxy's output is not piped");
    createInterface({ input: child.stdout }).on("line", (text) => this.#onLine(text));
    createInterface({ input: child.stderr }).on("line", (text) => {
      this.inspectorUrl ??= /^Debugger listening on (ws:\S+)/.exec(text)?.[1];
      this.#keep(text);
    });
  }

  /**
   * Resolves with the line that has this message, as soon as there is one. Rejects if the proxy ends or takes too
   * long.
   */
  line(message: string): Promise<LogLine> {
    const line = this.#lines.get(message);
    if (line !== undefined) return Promise.resolve(line);
    return new Promise((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`the proxy ${why}\n${this.#last.join("\n")}`));
      const onExit = (): void => fail(`ended before it said "${message}"`);
      const timer = setTimeout(() => {
        fail(`did not say "${message}" within ${START_TIMEOUT_MS} ms`);
      }, START_TIMEOUT_MS);
      // Not `exit`, because the output may end after the process.
      this.#child.once("close", onExit);
      this.#waiting.set(message, (found) => {
        clearTimeout(timer);
        this.#child.off("close", onExit);
        resolve(found);
      });
    });
  }

  #onLine(text: string): void {
    this.#keep(text);
    const line = parseLine(text);
    const message = String(line["message"]);
    if (!this.#waiting.has(message)) this.#lines.set(message, line);
    this.#waiting.get(message)?.(line);
    this.#waiting.delete(message);
  }

  #keep(text: string): void {
    this.#last.push(text);
    if (this.#last.length > KEPT_LINES) this.#last.shift();
  }
}

function parseLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return {};
  }
}
