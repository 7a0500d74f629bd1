// SPDX-License-Identifier: Apache-2.0

import type { FunctionCommand } from "./function-command.ts";
import { startFunction } from "./function-process.ts";
import type { Exit } from "./restart-policy.ts";

/** How a tool of the project ended, and what it wrote. */
export interface ToolResult {
  readonly exit: Exit;
  /** The first lines of both streams, in the order in which they came. */
  readonly lines: readonly string[];
  /** How many more there were. */
  readonly more: number;
}

export interface Tool {
  /** Never rejects. */
  readonly result: Promise<ToolResult>;
  /** Ends it, with all that it started. */
  stop(): void;
}

/** Lines of a tool that are kept (I11). */
const MAX_LINES = 200;

/** Runs a tool of the project, such as a compiler, to its end. */
export function startTool(command: FunctionCommand, folder: string, env: NodeJS.ProcessEnv): Tool {
  const lines: string[] = [];
  let more = 0;
  const running = startFunction({
    command,
    folder,
    env,
    onLine: (line) => {
      if (lines.length < MAX_LINES) lines.push(line);
      else more++;
    },
  });
  return { result: running.exited.then((exit) => ({ exit, lines, more })), stop: () => running.kill() };
}

export function isSuccess({ exit }: ToolResult): boolean {
  return exit.kind === "code" && exit.code === 0;
}
