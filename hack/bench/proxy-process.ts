// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

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
  stop(): Promise<void>;
}

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
  let listening: Pick<ProxyProcess, "port" | "startUpMs" | "startUpCpuMs"> | undefined;
  let isReady = false;
  for await (const line of createInterface({ input: stdout })) {
    lines.push(line);
    const { message, port } = parseLine(line);
    if (message === "listening") {
      const startUpMs = performance.now() - startedMs;
      listening = { port: Number(port), startUpMs, startUpCpuMs: processTimeMs(child.pid) };
    }
    isReady = userFunctionPort === undefined ? listening !== undefined : message === "user function found";
    if (isReady) break;
  }
  if (listening === undefined || !isReady) throw new Error(`the proxy ended\n${lines.join("\n")}`);
  const complaints = countComplaints(stdout);
  return {
    ...listening,
    complaints,
    residentBytes: (which) => {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      return Number(new RegExp(`^${which}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1_024;
    },
    cpuMs: () => processTimeMs(child.pid),
    stop: () => stopProgram(child),
  };
}

function countComplaints(stdout: Readable): ReadonlyMap<string, number> {
  const complaints = new Map<string, number>();
  createInterface({ input: stdout }).on("line", (line) => {
    const { level, message } = parseLine(line);
    if (level !== "warn" && level !== "error") return;
    complaints.set(String(message), 1 + (complaints.get(String(message)) ?? 0));
  });
  return complaints;
}

function parseLine(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
