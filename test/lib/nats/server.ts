// SPDX-License-Identifier: Apache-2.0

import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setImmediate as nextTurn } from "node:timers/promises";

import { freePort, systemRandom } from "../../../pkg/base/mod.ts";

import { findNatsBinary } from "./binary.ts";
import type { NatsClusterConfig, NatsServerConfig } from "./config.ts";
import { natsConfig } from "./config.ts";
import type { Guard } from "./guard.ts";
import { guardProcess } from "./guard.ts";

export interface NatsServerOptions extends Partial<Omit<NatsServerConfig, "cluster">> {
  /** The path of the program. Default: the one that `findNatsBinary` finds or makes. */
  readonly binary?: string;
  readonly cluster?: NatsClusterConfig;
}

/** How long a server may take to be ready, or to end after SIGTERM, in milliseconds; long, since machines are busy. */
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

/** Ports that are tried for a server that may have any. */
const MAX_TRIES = 5;

/** The latest lines of the server's own log that are kept. */
const MAX_LOG_LINES = 500;

/** Signals that do not end the server. */
const NOT_DEADLY: readonly NodeJS.Signals[] = ["SIGSTOP", "SIGCONT", "SIGHUP", "SIGUSR1", "SIGUSR2"];

interface Process {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly monitorPort: number;
  readonly guard: Guard;
  readonly exited: Promise<void>;
}

/**
 * A real nats-server for tests and development.
 *
 * 1. It listens on 127.0.0.1 only, and is ready when `startNatsServer` or `restart` resolves.
 * 2. Its port and folder stay the same over `kill` and `restart`, and so do the streams.
 * 3. It ends when our process ends, for whatever reason. It gets our signals, but none from a terminal.
 * 4. `stop` removes the folder unless the caller gave it.
 */
export class NatsServer implements AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly folder: string;
  readonly #binary: string;
  readonly #configFile: string;
  readonly #ownsFolder: boolean;
  readonly #log: string[] = [];
  #process: Process | undefined;

  /** Use `startNatsServer`. */
  constructor(binary: string, config: NatsServerConfig, ownsFolder: boolean) {
    this.name = config.name;
    this.port = config.port;
    this.folder = config.folder;
    this.#binary = binary;
    this.#ownsFolder = ownsFolder;
    this.#configFile = join(config.folder, "nats.conf");
    mkdirSync(config.folder, { recursive: true });
    writeFileSync(this.#configFile, natsConfig(config));
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Of the HTTP pages `/varz`, `/jsz`, `/healthz`; another one after each start. */
  get monitorUrl(): string {
    return `http://127.0.0.1:${this.#running().monitorPort}`;
  }

  get pid(): number {
    return this.#running().pid;
  }

  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  /** The latest lines of the server's log, over all its starts. */
  get log(): readonly string[] {
    return this.#log;
  }

  /** Starts the server, for the first time or after a `kill`, with the configuration and the streams in its folder. */
  async restart(): Promise<void> {
    if (this.#process !== undefined) throw new Error(`nats-server ${this.name} is still running`);
    const child = spawn(this.#binary, ["--config", this.#configFile], {
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
    });
    const exited = new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", () => resolve());
    });
    const { pid } = child;
    if (pid === undefined) return exited;
    const guard = guardProcess(pid);
    const forget = exited.then(() => {
      guard.release();
      this.#process = undefined;
    });
    try {
      const monitorPort = await this.#ready(child, forget);
      this.#process = { child, pid, monitorPort, guard, exited: forget };
    } catch (error) {
      child.kill("SIGKILL");
      await forget;
      throw error;
    }
  }

  /**
   * Sends a signal. Waits until the server has ended or, after SIGSTOP, until it has stopped. After other signals of
   * `NOT_DEADLY` it does not wait. SIGKILL loses what was not written.
   */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const running = this.#running();
    running.child.kill(signal);
    if (signal === "SIGSTOP") await untilStopped(running.pid);
    if (!NOT_DEADLY.includes(signal)) await running.exited;
  }

  /** Ends the server with SIGTERM, or with SIGKILL if it does not end in time. */
  async stop(): Promise<void> {
    const running = this.#process;
    if (running !== undefined) {
      running.child.kill("SIGTERM");
      running.child.kill("SIGCONT");
      const force = setTimeout(() => running.child.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await running.exited;
      clearTimeout(force);
    }
    if (this.#ownsFolder) rmSync(this.folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #running(): Process {
    if (this.#process === undefined) throw new Error(`nats-server ${this.name} is not running`);
    return this.#process;
  }

  /** Reads the log until the server says that it is ready. Returns the port of its HTTP pages. */
  #ready(child: ChildProcess, exited: Promise<void>): Promise<number> {
    return new Promise((resolve, reject) => {
      let monitorPort = 0;
      const fail = (why: string): void => {
        const complaints = this.#log.filter((line) => !line.includes("[INF]"));
        reject(new Error([`nats-server ${this.name} ${why}`, ...complaints].join("\n")));
      };
      const timeout = setTimeout(() => fail(`was not ready in ${START_TIMEOUT_MS} ms`), START_TIMEOUT_MS);
      if (child.stderr === null) return fail("has no log");
      const lines = createInterface({ input: child.stderr });
      lines.on("line", (line) => {
        this.#log.push(line);
        if (this.#log.length > MAX_LOG_LINES) this.#log.shift();
        monitorPort = Number(/Starting http monitor on .*:(\d+)$/.exec(line)?.[1] ?? monitorPort);
        if (!line.endsWith("Server is ready")) return;
        clearTimeout(timeout);
        resolve(monitorPort);
      });
      lines.once("close", () => {
        clearTimeout(timeout);
        void exited.then(() => fail("ended at its start"));
      });
    });
  }
}

/** Starts a server and waits until it is ready; without options, with JetStream, on a free port, in a new folder. */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  for (let tries = 1; ; tries++) {
    try {
      return await startOnce(options);
    } catch (error) {
      // Somebody else took the port after it was found free.
      const isTaken = error instanceof Error && error.message.includes("address already in use");
      if (!isTaken || (options.port ?? 0) !== 0 || tries === MAX_TRIES) throw error;
    }
  }
}

async function startOnce(options: NatsServerOptions): Promise<NatsServer> {
  const { folder = mkdtempSync(join(tmpdir(), "perdure-nats-")), port = 0 } = options;
  const server = new NatsServer(
    options.binary ?? (await existingBinary()),
    {
      name: "nats",
      jetstream: true,
      syncInterval: "default",
      ...options,
      folder,
      port: port === 0 ? await freePort("127.0.0.1", systemRandom) : port,
    },
    options.folder === undefined,
  );
  try {
    await server.restart();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/** The program's path; rejects with a line that says what to install. */
export async function existingBinary(): Promise<string> {
  const binary = await findNatsBinary();
  if (binary.kind === "missing") throw new Error(binary.reason);
  return binary.path;
}

/**
 * Waits until SIGSTOP has reached every thread, because the server still answers until then. Only Linux shows this,
 * so elsewhere there is no wait.
 */
async function untilStopped(pid: number): Promise<void> {
  const threads = `/proc/${pid}/task`;
  while (
    existsSync(threads) &&
    !readdirSync(threads).every((thread) => isStopped(`${threads}/${thread}/stat`))
  )
    await nextTurn();
}

/** The state is the first letter after the program's name, which stands in parentheses (proc(5)). */
function isStopped(statFile: string): boolean {
  try {
    return /\) T/.test(readFileSync(statFile, "utf8"));
  } catch {
    // The thread has ended since the list was read.
    return true;
  }
}
