// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import { freePort } from "../../../pkg/base/mod.ts";
import type { Random } from "../../../pkg/base/mod.ts";
import { proxyOptions } from "../../../pkg/proxy/mod.ts";
import type { ProxyOptions } from "../../../pkg/proxy/mod.ts";
import { DevError } from "./dev-error.ts";
import { functionCommand, NESTING_VARIABLE } from "./function-command.ts";
import type { FunctionAddress, FunctionCommand } from "./function-command.ts";
import { readProject } from "./project.ts";
import type { Project } from "./project.ts";

/** The command line of `perdure dev`, as it was typed. */
export interface DevFlags {
  readonly dir: string;
  /** What stood behind `--`. */
  readonly command: readonly string[];
  readonly httpHost?: string;
  readonly httpPort?: string;
  readonly adminPort?: string;
  readonly log?: string;
  readonly userFunctionPort?: string;
  readonly watch: boolean;
  readonly reset?: boolean;
  readonly yes?: boolean;
  readonly plain?: boolean;
  readonly verbose?: boolean;
}

export interface DevSettings {
  readonly project: Project;
  readonly command: FunctionCommand;
  readonly functionAddress: FunctionAddress;
  readonly proxy: ProxyOptions;
  /** Where callers on this machine reach the public port; the real port may differ if 0 was asked for. */
  readonly publicHost: string;
  /** The log that `perdure dev` keeps for this project, if that is what is used. */
  readonly devLogPath: string | undefined;
}

type Environment = Readonly<NodeJS.ProcessEnv>;

/** The admin port stands this far above the public one, as 9010 above 9000. */
const ADMIN_PORT_OFFSET = 10;

const FUNCTION_HOST = "127.0.0.1";

/**
 * Flag, else environment, else what is pleasant on a developer's machine.
 *
 * @throws DevError, SettingError
 */
export async function devSettings(
  flags: DevFlags,
  env: Environment,
  cwd: string,
  folder: string,
  random: Random,
): Promise<DevSettings> {
  if (env[NESTING_VARIABLE]) {
    throw new DevError(
      "BAD_USAGE",
      "perdure dev was started as the function of another perdure dev; " +
        'say how the function itself is run: "perdure": {"dev": "node main.ts"} in its package.json',
    );
  }
  const project = readProject(folder);
  const command = functionCommand(flags.command, project);
  const devLogPath = join(cwd, ".perdure", `${project.name}.db`);
  const port = await functionPort(flags, env, random);
  const proxy = proxyOptions(proxyFlags(flags, env, devLogPath, port), env);
  return {
    project,
    command,
    functionAddress: { host: FUNCTION_HOST, port: proxy.userFunctionPort },
    proxy: { ...proxy, adminPort: adminPort(flags, env, proxy) },
    publicHost: localHost(proxy.httpHost),
    devLogPath: proxy.log === `sqlite:${devLogPath}` ? devLogPath : undefined,
  };
}

/** What `perdure dev` sets where neither a flag nor the environment does. */
function proxyFlags(
  flags: DevFlags,
  env: Environment,
  devLogPath: string,
  functionPort: string,
): Record<string, string | undefined> {
  const unless = (variable: string, value: string) => (env[variable] ? undefined : value);
  return {
    "http-host": flags.httpHost ?? unless("HTTP_HOST", "127.0.0.1"),
    "http-port": flags.httpPort,
    "admin-host": unless("ADMIN_HOST", "127.0.0.1"),
    "admin-port": flags.adminPort,
    log: flags.log ?? unless("PERDURE_LOG", `sqlite:${devLogPath}`),
    // Somebody is there who can start it.
    "log-start-timeout": unless("PERDURE_LOG_START_TIMEOUT_MS", "0"),
    "user-function-host": FUNCTION_HOST,
    "user-function-port": functionPort,
    // A function that is being restarted is back soon, and somebody is waiting for it.
    "backoff-max": unless("PERDURE_BACKOFF_MAX_MS", "200"),
    "log-level": flags.verbose === true ? "debug" : unless("PERDURE_LOG_LEVEL", "warn"),
  };
}

async function functionPort(flags: DevFlags, env: Environment, random: Random): Promise<string> {
  return (
    flags.userFunctionPort ?? (env["USER_FUNCTION_PORT"] || String(await freePort(FUNCTION_HOST, random)))
  );
}

/** Follows the public port, so that two `perdure dev` side by side need one flag each. */
function adminPort(flags: DevFlags, env: Environment, { httpPort, adminPort: chosen }: ProxyOptions): number {
  if (flags.adminPort !== undefined || env["ADMIN_PORT"]) return chosen;
  const above = httpPort + ADMIN_PORT_OFFSET;
  return httpPort === 0 || above > 65_535 ? 0 : above;
}

/** How a program on this machine writes an address that the port is bound to. */
function localHost(bound: string): string {
  if (bound === "0.0.0.0" || bound === "::" || bound === "") return "127.0.0.1";
  return bound.includes(":") ? `[${bound}]` : bound;
}
