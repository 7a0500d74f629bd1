// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import type { ProgramOptions } from "./children.ts";
import { startProgram, stopProgram } from "./children.ts";
import { processTimeMs } from "./machine.ts";

const PROXY = new URL("../../cmd/proxy/main.ts", import.meta.url);

/** How long a proxy may take to start, and to find its user function. */
const START_TIMEOUT_MS = 20_000;

/** Long enough that no entity leaves memory while it is measured, in milliseconds. */
const PASSIVATION_TIMEOUT_MS = 3_600_000;

/** A port at which nobody answers, for a proxy without a user function. */
const NO_USER_FUNCTION_PORT = 1;

export interface ProxySettings extends Pick<ProgramOptions, "nodeArgs"> {
  /** The event log's address. */
  readonly log: string;
  /** Undefined: there is no user function. */
  readonly userFunctionPort?: number;
  /** The file that is run. Default: the source. */
  readonly main?: URL;
  /** Where compiled code is kept for the next start. Default: where the proxy keeps it. */
  readonly codeFolder?: string;
  /** Further variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A proxy as a process of its own, as it is in a pod. */
export interface ProxyProcess {
  readonly port: number;
  readonly adminPort: number;
  /** From the start of the process to its line "listening". */
  readonly startUpMs: number;
  /** Memory in RAM: what it has now (`VmRSS`), and the most that it ever had (`VmHWM`). */
  residentBytes(which: "VmRSS" | "VmHWM"): number;
  /** The processor time of all its threads until then. */
  readonly startUpCpuMs: number;
  /** Processor time of all its threads so far. */
  cpuMs(): number;
  /** Lines of the levels `warn` and `error` that it has written since it was ready, by their messages. */
  readonly complaints: ReadonlyMap<string, number>;
  /** When it wrote the first line with each message, in milliseconds of the wall clock. */
  readonly saidMs: ReadonlyMap<string, number>;
  /** Asks it to end, and kills it if it has not within `timeoutMs`. */
  stop(timeoutMs?: number): Promise<void>;
}

type Listening = Pick<ProxyProcess, "port" | "adminPort" | "startUpMs" | "startUpCpuMs">;

/** Starts a proxy and waits until it listens and, if it has a user function, has found it. */
export async function startProxyProcess(settings: ProxySettings): Promise<ProxyProcess> {
  const { log, userFunctionPort, nodeArgs = [], main = PROXY, codeFolder } = settings;
  const flags = {
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
  const env = { ...settings.env, ...(codeFolder !== undefined && { NODE_COMPILE_CACHE: codeFolder }) };
  const startedMs = performance.now();
  const child = startProgram(main, { nodeArgs, args, env, stdio: ["ignore", "pipe", "pipe"] });
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("the proxy's output is not piped");
  using _ = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
  const lines: string[] = [];
  createInterface({ input: stderr }).on("line", (line) => lines.push(line));
  const said = new SaidLines(userFunctionPort === undefined ? "listening" : "user function found");
  const found: { listening?: Listening } = {};
  const reader = createInterface({ input: stdout }).on("line", (line) => {
    if (!said.isReady) lines.push(line);
    const { message, port, adminPort } = said.note(line);
    if (message !== "listening") return;
    const startUpMs = performance.now() - startedMs;
    const startUpCpuMs = processTimeMs(child.pid);
    found.listening = { port: Number(port), adminPort: Number(adminPort), startUpMs, startUpCpuMs };
  });
  reader.once("close", () => said.end());
  await said.ready;
  const { listening } = found;
  if (listening === undefined || !said.isReady) throw new Error(`the proxy ended\n${lines.join("\n")}`);
  return {
    ...listening,
    complaints: said.complaints,
    saidMs: said.firstMs,
    residentBytes: (which) => {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      return Number(new RegExp(`^${which}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1_024;
    },
    cpuMs: () => processTimeMs(child.pid),
    stop: (timeoutMs) => stopProgram(child, timeoutMs),
  };
}

/** What a proxy has said in its log. */
class SaidLines {
  readonly complaints = new Map<string, number>();
  readonly firstMs = new Map<string, number>();
  readonly #readyMessage: string;
  readonly #ready = Promise.withResolvers<void>();

  /** @param readyMessage the last line that it says before it can be called. */
  constructor(readyMessage: string) {
    this.#readyMessage = readyMessage;
  }

  get isReady(): boolean {
    return this.firstMs.has(this.#readyMessage);
  }

  /** Resolves when it is ready, or has ended. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  note(text: string): Readonly<Record<string, unknown>> {
    const line = parseLine(text);
    const { level, time, message } = line;
    if (this.isReady && (level === "warn" || level === "error"))
      this.complaints.set(String(message), 1 + (this.complaints.get(String(message)) ?? 0));
    if (!this.firstMs.has(String(message))) this.firstMs.set(String(message), Date.parse(String(time)));
    if (this.isReady) this.#ready.resolve();
    return line;
  }

  end(): void {
    this.#ready.resolve();
  }
}

function parseLine(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
