// SPDX-License-Identifier: Apache-2.0

import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import type { TargetName } from "./cases.ts";
import type { Children } from "./children.ts";
import { nextMessage } from "./children.ts";
import type { JobProcess } from "./job-process.ts";
import type { CaseRuns, RunCase } from "./measure-rows.ts";
import type { EchoReady, LoadJob, UserFunctionReady } from "./messages.ts";
import type { ProxyProcess, ProxySettings } from "./proxy-process.ts";
import { startProxyProcess } from "./proxy-process.ts";

const USER_FUNCTION = new URL("./user-function.ts", import.meta.url);
const ECHO_SERVER = new URL("./echo-server.ts", import.meta.url);

/**
 * All servers that are called while rows are measured. They all run the whole time, but only one target has work at a
 * time.
 */
export interface Servers extends AsyncDisposable, CaseRuns {
  /** The proxy whose memory is looked at. */
  readonly proxy: ProxyProcess;
}

export interface ServersSettings {
  readonly children: Children;
  readonly loader: JobProcess<LoadJob>;
  /** For the logs. */
  readonly folder: string;
  /** Folder for CPU profiles of the proxies. Undefined: none are written. */
  readonly profileFolder: string | undefined;
  /** Another checkout, which has proxies of its own in front of the same user function. Undefined: there is none. */
  readonly against: string | undefined;
  /** Number of streams of a log with NATS. Undefined: the log chooses it. */
  readonly streams: number | undefined;
}

/** The servers of the cases with the SQLite log. */
export async function startServers(settings: ServersSettings): Promise<Servers> {
  const { loader, folder } = settings;
  const plain = await startPlainServers(settings);
  const startProxies = async (side: ProxySide) => {
    const [memory, sqlite] = await Promise.all([
      plain.startProxy("memory", side, { log: "memory:" }),
      plain.startProxy("sqlite", side, { log: `sqlite:${join(folder, `rows${side}.db`)}` }),
    ]);
    return { memory, sqlite, ports: { ...plain.ports, memory: memory.port, sqlite: sqlite.port } };
  };
  const own = await startProxies("");
  const other = settings.against === undefined ? undefined : await startProxies("-other");
  return {
    runCase: requestsTo(loader, own.ports),
    runOther: other && requestsTo(loader, other.ports),
    proxy: own.sqlite,
    [Symbol.asyncDispose]: async () => {
      const sides = other === undefined ? [own] : [own, other];
      await Promise.all(sides.flatMap(({ memory, sqlite }) => [memory.stop(), sqlite.stop()]));
      await plain[Symbol.asyncDispose]();
    },
  };
}

export type Ports = Readonly<Partial<Record<TargetName, number>>>;

/** Returns a function that runs jobs of cases that make requests. */
export function requestsTo(loader: JobProcess<LoadJob>, ports: Ports): RunCase {
  return (what, measured, job) => {
    const port = measured.kind === "call" ? ports[measured.target] : undefined;
    if (measured.kind !== "call" || port === undefined) throw new Error(`${what}: no server takes requests`);
    const { protocol, call } = measured;
    return loader.run(what, { ...job, port, protocol, call });
  };
}

/** The end of the names of profiles and logs: empty for this checkout, `-other` for the other one. */
export type ProxySide = "" | "-other";

/** The servers that are the same for every log. */
export interface PlainServers extends AsyncDisposable {
  readonly ports: Ports;
  /** Starts a proxy in front of the user function. Its CPU profile, if it writes one, has this name. */
  startProxy(name: string, side: ProxySide, settings: ProxySettings): Promise<ProxyProcess>;
}

export async function startPlainServers(settings: ServersSettings): Promise<PlainServers> {
  const { children, profileFolder, against } = settings;
  const echo = children.fork(ECHO_SERVER);
  const [userFunction, ready] = await Promise.all([startUserFunction(children), nextMessage(echo)]);
  const { port: echoPort } = ready as EchoReady;
  const userFunctionPort = userFunction.entityPort;
  return {
    ports: { direct: userFunction.directPort, echo: echoPort },
    startProxy: (name, side, proxySettings) => {
      const nodeArgs = profileArgs(profileFolder, `${name}${side}`);
      const main = side === "" || against === undefined ? {} : { main: mainOf(against) };
      return startProxyProcess(children, { ...proxySettings, userFunctionPort, nodeArgs, ...main });
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([userFunction.stop(), children.stop(echo)]);
    },
  };
}

function mainOf(checkout: string): URL {
  return pathToFileURL(resolve(checkout, "cmd", "proxy", "main.ts"));
}

export interface UserFunctionProcess extends UserFunctionReady {
  stop(): Promise<void>;
}

/** Starts the sample's user function. `snapshotEvery` replaces the sample's own value; 0 is never. */
export async function startUserFunction(
  children: Children,
  snapshotEvery?: number,
): Promise<UserFunctionProcess> {
  const child = children.fork(USER_FUNCTION, snapshotEvery === undefined ? [] : [String(snapshotEvery)]);
  const ready = (await nextMessage(child)) as UserFunctionReady;
  return { ...ready, stop: () => children.stop(child) };
}

function profileArgs(folder: string | undefined, name: string): string[] {
  if (folder === undefined) return [];
  return ["--cpu-prof", `--cpu-prof-dir=${folder}`, `--cpu-prof-name=proxy-${name}.cpuprofile`];
}
