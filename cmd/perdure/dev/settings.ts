// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";
import { join, relative } from "node:path";

import type { Random } from "../../../pkg/base/mod.ts";
import { freePort, isFreePort } from "../../../pkg/base/mod.ts";
import type { ProxyOptions } from "../../../pkg/proxy/mod.ts";
import { proxyOptions } from "../../../pkg/proxy/mod.ts";

import { DevError } from "./dev-error.ts";
import type { FunctionAddress, FunctionCommand } from "./function-command.ts";
import { functionCommand, generateCommand, NESTING_VARIABLE, typeCheckCommand } from "./function-command.ts";
import { choosePorts } from "./ports.ts";
import type { Project } from "./project.ts";
import { readProject } from "./project.ts";
import { checkTraceUrl } from "./trace-link.ts";

/** The command line of `perdure dev`, as it was typed. */
export interface DevFlags {
  readonly dir: string;
  /** The part after `--`. */
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
  readonly types: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly trace?: boolean;
  readonly traceUrl?: string;
}

export interface DevSettings {
  readonly project: Project;
  readonly command: FunctionCommand;
  /** Generates code when a `.proto` file changes; undefined: nothing does. */
  readonly generate: FunctionCommand | undefined;
  /** Checks types beside the function; undefined: nothing does. */
  readonly checkTypes: FunctionCommand | undefined;
  readonly functionAddress: FunctionAddress;
  readonly proxy: ProxyOptions;
  /** Where callers on this machine reach the public port; the real port may differ if 0 was asked for. */
  readonly publicHost: string;
  /** Whether traces of requests are shown, and where they can be looked at (`traceLink`). */
  readonly traces: { readonly isShown: boolean; readonly url: string | undefined };
  /** The log that `perdure dev` keeps for this project, if that is what is used. */
  readonly devLogPath: string | undefined;
  /** Remarks on these settings for the developer, a line each. */
  readonly remarks: readonly string[];
}

type Environment = Readonly<NodeJS.ProcessEnv>;

const FUNCTION_HOST = "127.0.0.1";

/**
 * Each setting is its flag, else its environment variable, else a default that suits a developer's machine. State is
 * in the function's folder, wherever the command is run.
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
  checkTraceUrl(flags.traceUrl);
  const project = readProject(folder);
  const command = functionCommand(flags.command, project);
  const stateFile = join(".perdure", `${project.name}.db`);
  const devLogPath = join(folder, stateFile);
  const port = await functionPort(flags, env, random);
  const proxy = proxyOptions(proxyFlags(flags, env, devLogPath, port), env);
  const isDevLog = proxy.log === `sqlite:${devLogPath}`;
  const ports = await publicPorts(flags, env, proxy);
  return {
    project,
    command,
    generate: generateCommand(project),
    checkTypes: flags.types ? typeCheckCommand(project) : undefined,
    functionAddress: { host: FUNCTION_HOST, port: proxy.userFunctionPort },
    proxy: { ...proxy, httpPort: ports.http, adminPort: ports.admin },
    publicHost: localHost(proxy.httpHost),
    traces: { isShown: flags.trace === true || flags.traceUrl !== undefined, url: flags.traceUrl },
    devLogPath: isDevLog ? devLogPath : undefined,
    remarks: [
      ...(ports.taken === undefined ? [] : [portRemark(ports.taken, ports.http)]),
      ...(isDevLog ? stateRemarks(join(cwd, stateFile), devLogPath, cwd) : []),
    ],
  };
}

function portRemark(taken: number, instead: number): string {
  return `port ${taken} is in use by another program, so this is on ${instead}; --http-port chooses another`;
}

/** A remark on state that an earlier version kept in the folder where the command was run. */
function stateRemarks(before: string, now: string, cwd: string): string[] {
  if (before === now || !existsSync(before) || existsSync(now)) return [];
  const [from, to] = [before, now].map((path) => relative(cwd, path));
  return [
    `state now lies in ${to}; there is some of before in ${from}, and moving that file goes on with it`,
  ];
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
    // The NATS of a developer's machine seldom syncs each write.
    "log-durability": unless("PERDURE_LOG_DURABILITY", "relaxed"),
    // Does not wait for the log, because a developer is there who can start its server.
    "log-start-timeout": unless("PERDURE_LOG_START_TIMEOUT_MS", "0"),
    "user-function-host": FUNCTION_HOST,
    "user-function-port": functionPort,
    // Short, because a restarted function is back soon and the developer is waiting for it.
    "backoff-max": unless("PERDURE_BACKOFF_MAX_MS", "200"),
    "log-level": flags.verbose === true ? "debug" : unless("PERDURE_LOG_LEVEL", "warn"),
  };
}

async function functionPort(flags: DevFlags, env: Environment, random: Random): Promise<string> {
  return (
    flags.userFunctionPort ?? (env["USER_FUNCTION_PORT"] || String(await freePort(FUNCTION_HOST, random)))
  );
}

function publicPorts(flags: DevFlags, env: Environment, proxy: ProxyOptions) {
  const wanted = {
    httpHost: proxy.httpHost,
    adminHost: proxy.adminHost,
    http: proxy.httpPort,
    isHttpChosen: flags.httpPort !== undefined || Boolean(env["HTTP_PORT"]),
    admin: proxy.adminPort,
    isAdminChosen: flags.adminPort !== undefined || Boolean(env["ADMIN_PORT"]),
  };
  return choosePorts(wanted, isFreePort);
}

/** How a program on this machine writes an address that the port is bound to. */
function localHost(bound: string): string {
  if (bound === "0.0.0.0" || bound === "::" || bound === "") return "127.0.0.1";
  return bound.includes(":") ? `[${bound}]` : bound;
}
