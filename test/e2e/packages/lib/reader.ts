// SPDX-License-Identifier: Apache-2.0

import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import type { Readable } from "node:stream";

import type { TestScope } from "../../../lib/processes.ts";
import { until } from "../../../lib/until.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..", "..");

/**
 * Time-outs for a command, for a start and for a stop. They are long, because packages are fetched and the machine
 * may be busy.
 */
const COMMAND_TIMEOUT_MS = 300_000;
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

/** What a page starts and leaves running in its terminal. */
export interface Running {
  /** The URL in its line `ready`, such as `http://127.0.0.1:9000`. */
  readonly url: string;
  readonly said: () => string;
  stop(): Promise<void>;
}

/**
 * Simulates a reader who follows a page word by word, with their own home folder and Node. It begins in the root of
 * the repository.
 *
 * 1. A change of the folder by a command stays in effect for the next ones.
 * 2. The system chooses the ports, so that other programs on this machine do not interfere.
 * 3. Programs that were started are ended with the test.
 */
export class Reader {
  readonly home: string;
  readonly #scope: TestScope;
  readonly #env: NodeJS.ProcessEnv;
  #folder = ROOT;

  /** @param nodeFolder where `node` is. */
  constructor(scope: TestScope, nodeFolder: string, functionPort: number) {
    this.#scope = scope;
    this.home = mkdtempSync(join(tmpdir(), "perdure-reader-"));
    scope.teardown(() => rmSync(this.home, { recursive: true, force: true }));
    const outside = environmentOutside();
    this.#env = {
      ...outside,
      HOME: this.home,
      PATH: [nodeFolder, outside["PATH"]].join(delimiter),
      HTTP_PORT: "0",
      ADMIN_PORT: "0",
      PORT: String(functionPort),
      USER_FUNCTION_PORT: String(functionPort),
    };
  }

  get folder(): string {
    return this.#folder;
  }

  write(path: string, text: string): void {
    const file = join(this.#folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  /** Runs commands as one script that stops at the first failure. Returns their output. */
  async run(commands: string): Promise<string> {
    const script = `set -euo pipefail\n${commands}\npwd -P >&3`;
    const { child, said } = this.#spawn(script, COMMAND_TIMEOUT_MS);
    let folder = "";
    (child.stdio[3] as Readable).on("data", (chunk: Buffer) => (folder += chunk.toString()));
    const [code, signal] = (await once(child, "close")) as [number | null, string | null];
    if (code !== 0) throw new Error(`${code ?? signal} is how this ended:\n${commands}\n${said()}`);
    this.#folder = folder.trim();
    return said();
  }

  /** The exit code of a command, and what it wrote. */
  async attempt(command: string): Promise<{ readonly code: number | null; readonly said: string }> {
    const { child, said } = this.#spawn(command, COMMAND_TIMEOUT_MS);
    const [code] = (await once(child, "close")) as [number | null];
    return { code, said: said() };
  }

  /** Starts a program that keeps running, and waits until it is ready. */
  async start(commands: string): Promise<Running> {
    const { child, said, closed } = this.#spawn(commands);
    const stop = async (): Promise<void> => {
      end(child, "SIGTERM");
      const killer = setTimeout(() => end(child, "SIGKILL"), STOP_TIMEOUT_MS);
      await closed;
      clearTimeout(killer);
    };
    this.#scope.teardown(stop);
    const readyUrl = (): string | undefined => /^ready (http:\S+)$/m.exec(said())?.[1];
    const isOver = (): boolean => readyUrl() !== undefined || child.exitCode !== null;
    await until("ready", isOver, READY_TIMEOUT_MS).catch(() => undefined);
    const url = readyUrl();
    if (url === undefined) throw new Error(`this was never ready:\n${commands}\n${said()}`);
    return { url, said, stop };
  }

  #spawn(script: string, timeoutMs?: number) {
    const child = spawn("bash", ["-c", script], {
      cwd: this.#folder,
      env: this.#env,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      detached: true,
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr] as Readable[]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    }
    const late = timeoutMs === undefined ? undefined : setTimeout(() => end(child, "SIGKILL"), timeoutMs);
    const closed = once(child, "close").finally(() => clearTimeout(late));
    return { child, said: () => text, closed };
  }
}

/** Signals a process and everything that it started in its process group. */
function end({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // Nothing is left of it.
  }
}

/**
 * Variables that npm and the test runner set for their child processes. The settings of package registries are kept.
 */
const SAID_BY_RUNNERS =
  /^(?:npm_(?!config_(?:registry|cache|userconfig|globalconfig|cafile|proxy|https_proxy)$)|AVA_|NODE(?!_EXTRA_CA_CERTS$)|INIT_CWD$|FORCE_COLOR$|PERDURE_)/;

/** The environment variables of a person's shell on this machine. */
export function environmentOutside(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !SAID_BY_RUNNERS.test(name));
  const home = {
    npm_config_cache: join(homedir(), ".npm"),
    npm_config_userconfig: join(homedir(), ".npmrc"),
  };
  return { ...home, ...Object.fromEntries(kept), PATH: searchPathOutside() };
}

function searchPathOutside(): string {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.filter((folder) => !/\/(?:node_modules|node-gyp-bin)\//.test(`${folder}/`)).join(delimiter);
}
