// SPDX-License-Identifier: Apache-2.0

import type { Random } from "../../../pkg/base/mod.ts";
import { freePort, isFreePort } from "../../../pkg/base/mod.ts";
import { isElsewhere } from "../../../pkg/eventlog/address/mod.ts";
import type { ProxyOptions } from "../../../pkg/proxy/mod.ts";
import { proxyOptions } from "../../../pkg/proxy/mod.ts";

import { DevError } from "./dev-error.ts";
import type { FunctionAddress } from "./function-command.ts";
import { choosePorts } from "./ports.ts";

/** What the command line says of proxies, as it was typed. */
export interface PodFlags {
  readonly proxies?: string;
  readonly httpHost?: string;
  readonly httpPort?: string;
  readonly adminPort?: string;
  readonly log?: string;
  readonly userFunctionPort?: string;
  readonly verbose?: boolean;
}

/** A user function and its proxy: what is a pod in Kubernetes. */
export interface PodSettings {
  /** Undefined if it is the only one. */
  readonly name: string | undefined;
  readonly functionAddress: FunctionAddress;
  readonly proxy: ProxyOptions;
}

export interface AllPods {
  readonly pods: readonly [PodSettings, ...PodSettings[]];
  /** The default public port, if another program has it. */
  readonly taken: number | undefined;
}

type Environment = Readonly<NodeJS.ProcessEnv>;

const FUNCTION_HOST = "127.0.0.1";

/** More proxies share two processor cores badly, and their lines are hard to follow. */
const MAX_PROXIES = 9;

/** @throws DevError `BAD_USAGE` if there cannot be so many, SettingError */
export async function podSettings(
  flags: PodFlags,
  env: Environment,
  devLogPath: string,
  random: Random,
): Promise<AllPods> {
  const count = proxiesOf(flags.proxies);
  const functionPort = flags.userFunctionPort ?? (env["USER_FUNCTION_PORT"] || String(await anyPort(random)));
  const proxy = proxyOptions(proxyFlags(flags, env, { devLogPath, functionPort, count }), env);
  if (count > 1 && !canBeShared(proxy.log)) {
    throw new DevError(
      "BAD_USAGE",
      `--proxies ${count} needs a log that several proxies can share: start a NATS server (npm run nats, in a ` +
        "clone of Perdure), and add --log nats://localhost",
    );
  }
  const [ports, ...more] = await publicPorts(count, flags, env, proxy);
  const first = podOf(proxy, ports, count > 1 ? podName(1) : undefined);
  const others = more.map(async (own, index) =>
    podOf({ ...proxy, userFunctionPort: await anyPort(random) }, own, podName(index + 2)),
  );
  return { pods: [first, ...(await Promise.all(others))], taken: ports.taken };
}

function proxiesOf(text = "1"): number {
  const count = Number(text);
  if (/^\d$/.test(text) && count >= 1 && count <= MAX_PROXIES) return count;
  throw new DevError(
    "BAD_USAGE",
    `--proxies must be a whole number from 1 to ${MAX_PROXIES}, not ${JSON.stringify(text)}`,
  );
}

function podName(number: number): string {
  return `dev-${number}`;
}

function podOf(
  proxy: ProxyOptions,
  { http, admin }: { readonly http: number; readonly admin: number },
  name: string | undefined,
): PodSettings {
  return {
    name,
    functionAddress: { host: FUNCTION_HOST, port: proxy.userFunctionPort },
    proxy: { ...proxy, httpPort: http, adminPort: admin, ...(name !== undefined && { podName: name }) },
  };
}

/** True also for an address of no log at all: the start of the proxy says what is wrong with it. */
function canBeShared(log: string): boolean {
  try {
    return isElsewhere(log);
  } catch {
    return true;
  }
}

/** What `perdure dev` sets where neither a flag nor the environment does. */
function proxyFlags(
  flags: PodFlags,
  env: Environment,
  { devLogPath, functionPort, count }: { devLogPath: string; functionPort: string; count: number },
): Record<string, string | undefined> {
  const unless = (variable: string, value: string) => (env[variable] ? undefined : value);
  return {
    "http-host": flags.httpHost ?? unless("HTTP_HOST", "127.0.0.1"),
    "http-port": flags.httpPort,
    "admin-host": unless("ADMIN_HOST", "127.0.0.1"),
    "admin-port": flags.adminPort,
    log: flags.log ?? unless("PERDURE_LOG", `sqlite:${devLogPath}`),
    // Does not wait for the log, because a developer is there who can start its server.
    "log-start-timeout": unless("PERDURE_LOG_START_TIMEOUT_MS", "0"),
    // Said aloud, because a server on a developer's machine does not write each message to the disk at once.
    "log-durability": unless("PERDURE_LOG_DURABILITY", "relaxed"),
    // Several of them share their entities, whatever the environment says.
    cluster: count > 1 ? "auto" : undefined,
    "user-function-host": FUNCTION_HOST,
    "user-function-port": functionPort,
    // Short, because a restarted function is back soon and the developer is waiting for it.
    "backoff-max": unless("PERDURE_BACKOFF_MAX_MS", "200"),
    "log-level": flags.verbose === true ? "debug" : unless("PERDURE_LOG_LEVEL", "warn"),
  };
}

function anyPort(random: Random): Promise<number> {
  return freePort(FUNCTION_HOST, random);
}

function publicPorts(count: number, flags: PodFlags, env: Environment, proxy: ProxyOptions) {
  const wanted = {
    httpHost: proxy.httpHost,
    adminHost: proxy.adminHost,
    http: proxy.httpPort,
    isHttpChosen: flags.httpPort !== undefined || Boolean(env["HTTP_PORT"]),
    admin: proxy.adminPort,
    isAdminChosen: flags.adminPort !== undefined || Boolean(env["ADMIN_PORT"]),
  };
  return choosePorts(count, wanted, isFreePort);
}
