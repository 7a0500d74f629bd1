// SPDX-License-Identifier: Apache-2.0

import { mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { startNatsServer } from "../../test/lib/nats/server.ts";
import type { LogTarget, Target } from "./cases.ts";
import type { RunJob } from "./children.ts";
import { nextMessage, startProgram, stopProgram } from "./children.ts";
import type { RunCase, Servers } from "./measure-rows.ts";
import type { ProxyProcess } from "./proxy-process.ts";
import { startProxyProcess } from "./proxy-process.ts";
import type { Received } from "./span-receiver.ts";
import type { ReceiverKind, TelemetryChoice } from "./telemetry.ts";

/** Proxies that are measured beside others. */
export interface Side {
  /** Another checkout, whose proxies they are. Undefined: this one's. */
  readonly checkout?: string | undefined;
  readonly telemetry?: TelemetryChoice | undefined;
}

/** What is known of a side's proxy when it ends. */
export interface SideEnd {
  /** The most memory that it had. */
  readonly peakBytes: number;
  /** `ProxyProcess.complaints`. */
  readonly complaints: ReadonlyMap<string, number>;
  /** Undefined: it sent spans nowhere. */
  readonly received: Received | undefined;
}

export interface ServersSettings {
  /** The logs whose proxies are measured. */
  readonly targets: readonly LogTarget[];
  readonly loader: RunJob;
  /** For the logs. It is made, and removed at the end. */
  readonly folder: string;
  /** Folder for CPU profiles of the proxies. Undefined: none are written. */
  readonly profile: string | undefined;
  /** They have proxies of their own in front of the same user function. */
  readonly sides: readonly Side[];
  /** Called before a proxy is stopped, with the number of its side. */
  readonly onEnd: (side: number, end: SideEnd) => void;
}

/** Starts all servers that are called while rows are measured. They all run the whole time; one at a time has work. */
export async function startServers(settings: ServersSettings): Promise<Servers> {
  const { targets, loader, folder, sides } = settings;
  await using stack = new AsyncDisposableStack();
  mkdirSync(folder);
  stack.defer(() => rmSync(folder, { recursive: true }));
  const echo = startProgram(new URL("./echo-server.ts", import.meta.url));
  stack.defer(() => stopProgram(echo));
  const { port: echoPort } = await nextMessage<{ readonly port: number }>(echo);
  const userFunction = stack.use(await startUserFunction());
  const places = new Map<LogTarget, LogPlace>();
  for (const target of targets) places.set(target, stack.use(await openLogPlace(target, folder)));

  const runs: RunCase[] = [];
  for (const number of sides.keys()) {
    const proxies = new Map<Target, ProxyProcess>();
    for (const [target, place] of places)
      proxies.set(target, await startProxy(settings, number, target, place, userFunction.entityPort, stack));
    runs.push(async (what, { target, protocol, call }, job) => {
      const proxy = proxies.get(target);
      const port = proxy?.port ?? (target === "direct" ? userFunction.directPort : echoPort);
      const beforeMs = proxy?.cpuMs() ?? 0;
      const load = await loader(what, { ...job, port, protocol, call });
      if (proxy === undefined) return load;
      return { ...load, cpuUs: ((proxy.cpuMs() - beforeMs) * 1_000) / load.allCalls };
    });
  }
  const kept = stack.move();
  return { runs, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Starts a proxy of a side, with the receiver of its spans. */
async function startProxy(
  { sides, profile, onEnd }: ServersSettings,
  number: number,
  target: LogTarget,
  place: LogPlace,
  userFunctionPort: number,
  stack: AsyncDisposableStack,
): Promise<ProxyProcess> {
  const { checkout, telemetry } = sides[number] ?? {};
  const receiver = telemetry?.receiver && (await startSpanReceiver(telemetry.receiver));
  if (receiver !== undefined) stack.use(receiver);
  const side = number === 0 ? "" : `-${number}`;
  const proxy = await startProxyProcess({
    log: place.address(`rows${side}`),
    userFunctionPort,
    nodeArgs: profileArgs(profile, `${target.replace(" ", "-")}${side}`),
    ...(checkout !== undefined && { main: pathToFileURL(resolve(checkout, "cmd", "proxy", "main.ts")) }),
    env: { ...place.env, ...telemetry?.env, ...receiver?.env },
  });
  stack.defer(() => proxy.stop());
  stack.defer(async () => {
    const { complaints } = proxy;
    onEnd(number, {
      peakBytes: proxy.residentBytes("VmHWM"),
      complaints,
      received: await receiver?.received(),
    });
  });
  return proxy;
}

/** A receiver of spans, and the variables that send a proxy's spans there. */
export interface SpanReceiver extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>;
  received(): Promise<Received>;
}

export async function startSpanReceiver(kind: ReceiverKind): Promise<SpanReceiver> {
  const child = startProgram(new URL("./span-receiver.ts", import.meta.url), { args: [kind] });
  const { port } = await nextMessage<{ readonly port: number }>(child);
  return {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` },
    received() {
      const answer = nextMessage<Received>(child);
      child.send("received?");
      return answer;
    },
    [Symbol.asyncDispose]: () => stopProgram(child),
  };
}

/** Where logs are kept. */
export interface LogPlace extends AsyncDisposable {
  /** The address of the log of this name. */
  address(name: string): string;
  /** What a proxy of such a log is told besides: what an acknowledgement means there (`DURABILITY` of `cases.ts`). */
  readonly env: Readonly<Record<string, string>>;
}

/** A log place that is a server of NATS. */
export interface NatsPlace extends LogPlace {
  readonly port: number;
  /** Of the server's pages, such as `/varz`. */
  readonly monitorUrl: string;
}

/** Starts a server of NATS, if the logs need one. All is kept below the folder, and so on the disk that is measured. */
export async function openLogPlace(target: LogTarget, folder: string): Promise<LogPlace> {
  if (target === "nats" || target === "nats fsync") return await openNatsPlace(target, folder);
  const address = (name: string): string =>
    target === "memory" ? "memory:" : `sqlite:${join(folder, name)}.db`;
  return { address, env: {}, [Symbol.asyncDispose]: async () => undefined };
}

export async function openNatsPlace(target: "nats" | "nats fsync", folder: string): Promise<NatsPlace> {
  const server = await startNatsServer({
    name: target.replace(" ", "-"),
    folder: join(folder, target),
    syncInterval: target === "nats" ? "default" : "always",
  });
  // The folder is removed when this process exits, and nothing may write there any more.
  process.prependListener("exit", () => {
    if (server.isRunning) process.kill(server.pid, "SIGKILL");
  });
  return {
    port: server.port,
    monitorUrl: server.monitorUrl,
    address: (name) => `${server.url}/${name}`,
    env: target === "nats" ? { PERDURE_LOG_DURABILITY: "relaxed" } : { PERDURE_LOG_SERVERS_SYNC: "true" },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** The ports of the user function: one for a proxy, and one for plain unary calls. */
export interface UserFunctionPorts {
  readonly entityPort: number;
  readonly directPort: number;
}

export async function startUserFunction(): Promise<UserFunctionPorts & AsyncDisposable> {
  const child = startProgram(new URL("./user-function.ts", import.meta.url));
  const ports = await nextMessage<UserFunctionPorts>(child);
  return { ...ports, [Symbol.asyncDispose]: () => stopProgram(child) };
}

function profileArgs(folder: string | undefined, name: string): string[] {
  if (folder === undefined) return [];
  return ["--cpu-prof", `--cpu-prof-dir=${folder}`, `--cpu-prof-name=proxy-${name}.cpuprofile`];
}
