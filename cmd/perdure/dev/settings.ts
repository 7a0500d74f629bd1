// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";
import { join, relative } from "node:path";

import type { Random } from "../../../pkg/base/mod.ts";

import { DevError } from "./dev-error.ts";
import type { FunctionCommand } from "./function-command.ts";
import { functionCommand, generateCommand, NESTING_VARIABLE, typeCheckCommand } from "./function-command.ts";
import type { PodFlags, PodSettings } from "./pod-settings.ts";
import { podSettings } from "./pod-settings.ts";
import type { Project } from "./project.ts";
import { readProject } from "./project.ts";
import { checkTraceUrl } from "./trace-link.ts";

/** The command line of `perdure dev`, as it was typed. */
export interface DevFlags extends PodFlags {
  readonly dir: string;
  /** The part after `--`. */
  readonly command: readonly string[];
  readonly watch: boolean;
  readonly reset?: boolean;
  readonly yes?: boolean;
  readonly plain?: boolean;
  readonly types: boolean;
  readonly quiet?: boolean;
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
  readonly pods: readonly [PodSettings, ...PodSettings[]];
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
  const { pods, taken } = await podSettings(flags, env, devLogPath, random);
  const [{ proxy }] = pods;
  const isDevLog = proxy.log === `sqlite:${devLogPath}`;
  return {
    project,
    command,
    generate: generateCommand(project),
    checkTypes: flags.types ? typeCheckCommand(project) : undefined,
    pods,
    publicHost: localHost(proxy.httpHost),
    traces: { isShown: flags.trace === true || flags.traceUrl !== undefined, url: flags.traceUrl },
    devLogPath: isDevLog ? devLogPath : undefined,
    remarks: [
      ...(taken === undefined ? [] : [portRemark(taken, proxy.httpPort)]),
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

/** How a program on this machine writes an address that the port is bound to. */
function localHost(bound: string): string {
  if (bound === "0.0.0.0" || bound === "::" || bound === "") return "127.0.0.1";
  return bound.includes(":") ? `[${bound}]` : bound;
}
