// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import type { TargetName } from "./cases.ts";
import { nextMessage } from "./children.ts";
import type { Children } from "./children.ts";
import type { EchoReady, UserFunctionReady } from "./messages.ts";
import { startProxyProcess } from "./proxy-process.ts";
import type { ProxyProcess, ProxySettings } from "./proxy-process.ts";

const USER_FUNCTION = new URL("./user-function.ts", import.meta.url);
const ECHO_SERVER = new URL("./echo-server.ts", import.meta.url);

/** Everything that is called while rows are measured. All of it runs all the time; only one target has work at a time. */
export interface Servers {
  readonly ports: Readonly<Record<TargetName, number>>;
  /** The proxy with the SQLite log. */
  readonly sqliteProxy: ProxyProcess;
  stop(): Promise<void>;
}

export async function startServers(
  children: Children,
  folder: string,
  profileFolder: string | undefined,
): Promise<Servers> {
  const echo = children.fork(ECHO_SERVER);
  const [userFunction, ready] = await Promise.all([startUserFunction(children), nextMessage(echo)]);
  const { port: echoPort } = ready as EchoReady;
  const userFunctionPort = userFunction.entityPort;
  const start = (settings: ProxySettings, name: string) =>
    startProxyProcess(children, {
      ...settings,
      userFunctionPort,
      nodeArgs: profileArgs(profileFolder, name),
    });
  const [memoryProxy, sqliteProxy] = await Promise.all([
    start({ log: "memory:" }, "memory"),
    start({ log: `sqlite:${join(folder, "rows.db")}` }, "sqlite"),
  ]);
  return {
    ports: {
      direct: userFunction.directPort,
      memory: memoryProxy.port,
      sqlite: sqliteProxy.port,
      echo: echoPort,
    },
    sqliteProxy,
    stop: async () => {
      await Promise.all([memoryProxy.stop(), sqliteProxy.stop()]);
      await Promise.all([userFunction.stop(), children.stop(echo)]);
    },
  };
}

export interface UserFunctionProcess extends UserFunctionReady {
  stop(): Promise<void>;
}

/** The sample's user function. `snapshotEvery`: in place of the sample's own; 0 is never. */
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
