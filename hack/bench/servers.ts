// SPDX-License-Identifier: Apache-2.0

import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { startNatsServer } from "../../test/lib/nats/server.ts";
import type { LogName, LogTarget, Target } from "./cases.ts";
import { LOG_TARGETS } from "./cases.ts";
import type { RunJob } from "./children.ts";
import { nextMessage, startProgram, stopProgram } from "./children.ts";
import type { RunCase } from "./measure-rows.ts";
import type { ProxyProcess } from "./proxy-process.ts";
import { startProxyProcess } from "./proxy-process.ts";

export interface ServersSettings {
  readonly log: LogName;
  readonly loader: RunJob;
  /** For the logs. */
  readonly folder: string;
  /** Folder for CPU profiles of the proxies. Undefined: none are written. */
  readonly profile: string | undefined;
  /** Another checkout, which has proxies of its own in front of the same user function. Undefined: there is none. */
  readonly against: string | undefined;
}

export interface Servers extends AsyncDisposable {
  /** With the proxies of this checkout, and with those of the other one, if there is one. */
  readonly runs: readonly RunCase[];
  /** The most memory that this checkout's proxy with the log had so far. */
  peakBytes(): number;
}

/**
 * Starts all servers that are called while rows are measured. They all run the whole time, but only one has work at a
 * time.
 */
export async function startServers({
  log,
  loader,
  folder,
  profile,
  against,
}: ServersSettings): Promise<Servers> {
  await using stack = new AsyncDisposableStack();
  const echo = startProgram(new URL("./echo-server.ts", import.meta.url));
  stack.defer(() => stopProgram(echo));
  const { port: echoPort } = await nextMessage<{ readonly port: number }>(echo);
  const userFunction = stack.use(await startUserFunction());
  const places = new Map<LogTarget, LogPlace>();
  for (const target of LOG_TARGETS[log]) places.set(target, stack.use(await openLogPlace(target, folder)));

  let measured: ProxyProcess | undefined;
  const runs: RunCase[] = [];
  for (const checkout of against === undefined ? [undefined] : [undefined, against]) {
    const side = checkout === undefined ? "" : "-other";
    const ports = new Map<Target, number>([
      ["direct", userFunction.directPort],
      ["echo", echoPort],
    ]);
    for (const [target, place] of places) {
      const proxy = await startProxyProcess({
        log: place.address(`rows${side}`),
        userFunctionPort: userFunction.entityPort,
        nodeArgs: profileArgs(profile, `${target.replace(" ", "-")}${side}`),
        ...(checkout !== undefined && { main: pathToFileURL(resolve(checkout, "cmd", "proxy", "main.ts")) }),
      });
      stack.defer(() => proxy.stop());
      ports.set(target, proxy.port);
      if (checkout === undefined && target === log) measured = proxy;
    }
    runs.push((what, { target, protocol, call }, job) =>
      loader(what, { ...job, port: ports.get(target) ?? 0, protocol, call }),
    );
  }
  const kept = stack.move();
  return {
    runs,
    peakBytes: () => measured?.residentBytes("VmHWM") ?? 0,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Where logs are kept. */
export interface LogPlace extends AsyncDisposable {
  /** The address of the log of this name. */
  address(name: string): string;
}

/** Starts a server of NATS, if the logs need one. All is kept below the folder, and so on the disk that is measured. */
export async function openLogPlace(target: LogTarget, folder: string): Promise<LogPlace> {
  if (target === "memory" || target === "sqlite") {
    const address = (name: string): string =>
      target === "memory" ? "memory:" : `sqlite:${join(folder, name)}.db`;
    return { address, [Symbol.asyncDispose]: async () => undefined };
  }
  const server = await startNatsServer({
    name: target.replace(" ", "-"),
    folder: join(folder, target),
    syncInterval: target === "nats" ? "default" : "always",
  });
  // The folder is removed when this process exits, and nothing may write there any more.
  process.prependListener("exit", () => {
    if (server.isRunning) process.kill(server.pid, "SIGKILL");
  });
  return { address: (name) => `${server.url}/${name}`, [Symbol.asyncDispose]: () => server.stop() };
}

/** The ports of the user function: one for a proxy, and one for plain unary calls. */
export interface UserFunctionPorts {
  readonly entityPort: number;
  readonly directPort: number;
}

/** Starts the samples' user function. */
export async function startUserFunction(): Promise<UserFunctionPorts & AsyncDisposable> {
  const child = startProgram(new URL("./user-function.ts", import.meta.url));
  const ports = await nextMessage<UserFunctionPorts>(child);
  return { ...ports, [Symbol.asyncDispose]: () => stopProgram(child) };
}

function profileArgs(folder: string | undefined, name: string): string[] {
  if (folder === undefined) return [];
  return ["--cpu-prof", `--cpu-prof-dir=${folder}`, `--cpu-prof-name=proxy-${name}.cpuprofile`];
}
