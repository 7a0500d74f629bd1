// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import { freePort, systemRandom } from "../../pkg/base/mod.ts";

import { RELAXED_PROXY } from "./nats/relaxed.ts";

/**
 * Real processes for tests.
 *
 * 1. Each is killed when its test ends, and ends by itself when the test run dies (`leash.ts`).
 * 2. Its environment contains only what the test gives it, the search path and Node's compile cache.
 * 3. Waiting for a line is bounded, and fails at once when the process ends. The error shows the output so far.
 */
export interface RunningProcess {
  readonly pid: number;
  /** Everything that the process has written so far, line by line. */
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  readonly exited: Promise<Exit>;
  /** Waits for the first line, past or future, for which `read` returns a value. */
  line<T>(what: string, read: (line: string) => T | undefined): Promise<T>;
  /**
   * Closes the test's ends of the output pipes, like a log collector that dies. From now on the process writes to
   * pipes without a reader.
   */
  closeOutput(): void;
  /** Sends a signal and waits for the end. */
  kill(signal: NodeJS.Signals): Promise<Exit>;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The part of AVA's execution context that is needed here. */
export interface TestScope {
  teardown(cleanup: () => void | Promise<void>): void;
}

export interface ProxyProcess extends RunningProcess {
  /** The public port. */
  readonly port: number;
  readonly adminPort: number;
  /** Waits until the user function has been found. */
  ready(): Promise<void>;
}

export interface UserFunctionProcess extends RunningProcess {
  readonly port: number;
}

interface ProxyCommand {
  readonly main?: string;
  readonly args?: readonly string[];
  /** The prefix of the command line, as `startProcess` takes it. */
  readonly prefix?: readonly string[];
}

type Environment = Readonly<Record<string, string | number>>;

const ROOT = join(import.meta.dirname, "..", "..");
const LEASH = join(import.meta.dirname, "leash.ts");

/** Halves the time to start, which is most of the time of many tests. */
const COMPILE_CACHE = join(ROOT, "node_modules", ".cache", "node");

export const PROXY = join(ROOT, "cmd", "proxy", "main.ts");

/** Time-out of waiting for a line, in milliseconds. It is long, because the machine may be busy. */
const LINE_TIMEOUT_MS = 90_000;

/** Starts `node main.ts …`. `prefix` is a command that finally becomes this one, as a shell does by `exec "$@"`. */
export function startProcess(
  scope: TestScope,
  main: string,
  env: Environment = {},
  args: readonly string[] = [],
  prefix: readonly string[] = [],
): RunningProcess {
  const [command = "", ...rest] = [...prefix, process.execPath, "--import", LEASH, main, ...args];
  const child = spawn(command, rest, {
    cwd: ROOT,
    env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: COMPILE_CACHE, ...stringValues(env) },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const watchers = new Set<() => void>();
  const notify = (): void => watchers.forEach((watcher) => watcher());
  const stdout = collectLines(child.stdout, notify);
  const stderr = collectLines(child.stderr, notify);
  let ended = false;
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once("error", reject);
    // "close" comes after the last line of output.
    child.once("close", (code, signal) => {
      ended = true;
      resolve({ code, signal });
      notify();
    });
  });
  const kill = (signal: NodeJS.Signals): Promise<Exit> => {
    child.kill(signal);
    return exited;
  };
  scope.teardown(async () => {
    await kill("SIGKILL");
  });

  const line = <T>(what: string, read: (line: string) => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const finish = (): void => {
        watchers.delete(look);
        clearTimeout(timeout);
      };
      const fail = (why: string): void => {
        finish();
        const said = [...stdout, ...stderr].join("\n");
        reject(new Error(`${main} ${why} before it said: ${what}\n${said}`));
      };
      const look = (): void => {
        const found = firstOf([...stdout, ...stderr], read);
        if (found === undefined) {
          if (ended) fail("ended");
          return;
        }
        finish();
        resolve(found);
      };
      const timeout = setTimeout(() => fail(`took more than ${LINE_TIMEOUT_MS} ms`), LINE_TIMEOUT_MS);
      watchers.add(look);
      look();
    });
  const closeOutput = (): void => {
    child.stdout.destroy();
    child.stderr.destroy();
  };
  return { pid: child.pid ?? 0, stdout, stderr, exited, line, closeOutput, kill };
}

/**
 * Starts a proxy and waits until it listens. Unless the environment says otherwise, the system chooses its ports, and
 * the durability of a log on NATS is relaxed.
 */
export async function startProxyProcess(
  scope: TestScope,
  env: Environment,
  { main = PROXY, args = [], prefix = [] }: ProxyCommand = {},
): Promise<ProxyProcess> {
  const local = { HTTP_HOST: "127.0.0.1", ADMIN_HOST: "127.0.0.1", HTTP_PORT: 0, ADMIN_PORT: 0 };
  const running = startProcess(scope, main, { ...local, ...RELAXED_PROXY, ...env }, args, prefix);
  const { port, adminPort } = await running.line("listening", readListening);
  const ready = async (): Promise<void> => {
    await running.line("ready", (line) => (line === `ready http://127.0.0.1:${port}` ? true : undefined));
  };
  return { ...running, port, adminPort, ready };
}

/** Starts the shopping cart of `samples/`; port 0 is one of the system's choice. */
export function startShoppingCart(scope: TestScope, port?: number): Promise<UserFunctionProcess> {
  return startSample(scope, "shopping-cart", port);
}

/**
 * Starts a user function of `samples/` by the name of its folder. Without a port it gets one at which it can be
 * started again.
 */
export async function startSample(
  scope: TestScope,
  name: string,
  port?: number,
): Promise<UserFunctionProcess> {
  const PORT = port ?? (await freePort("127.0.0.1", systemRandom));
  const running = startProcess(scope, join(ROOT, "samples", name, "main.ts"), { PORT });
  const bound = await running.line(
    "serves its proxy on",
    (line) => /serves its proxy on .*:(\d+)$/.exec(line)?.[1],
  );
  return { ...running, port: Number(bound) };
}

/** Makes a folder that is deleted at the end of the test. */
export function temporaryFolder(scope: TestScope): string {
  const folder = mkdtempSync(join(tmpdir(), "perdure-"));
  scope.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function readListening(line: string): { readonly port: number; readonly adminPort: number } | undefined {
  if (!line.startsWith("{") || !line.includes('"listening"')) return undefined;
  const { message, port, adminPort } = JSON.parse(line) as Record<string, unknown>;
  return message === "listening" ? { port: Number(port), adminPort: Number(adminPort) } : undefined;
}

function collectLines(stream: Readable, onLine: () => void): string[] {
  const lines: string[] = [];
  createInterface({ input: stream }).on("line", (line) => {
    lines.push(line);
    onLine();
  });
  return lines;
}

function firstOf<T>(lines: readonly string[], read: (line: string) => T | undefined): T | undefined {
  for (const line of lines) {
    const found = read(line);
    if (found !== undefined) return found;
  }
  return undefined;
}

function stringValues(env: Environment): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)]));
}
