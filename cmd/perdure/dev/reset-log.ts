// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";

import { removeSqliteLog } from "../../../pkg/eventlog/mod.ts";

import { DevError } from "./dev-error.ts";

export interface ResetOptions {
  readonly path: string | undefined;
  /** The log's address, for the text that refuses. */
  readonly address: string;
  /** Delete without asking. */
  readonly yes: boolean;
  /** Asks the user; undefined if there is no terminal to ask on. */
  readonly ask: ((question: string) => Promise<boolean>) | undefined;
}

/**
 * Deletes the log that `perdure dev` keeps under `.perdure/`, never another. True if there is none now, false if the
 * user declined.
 *
 * @throws DevError `BAD_USAGE` if the user cannot be asked or the log is another, EventLogError `LOG_LOCKED` if it is
 * in use or `LOG_UNUSABLE` if something other than a regular file is there.
 */
export async function resetLog({ path, address, yes, ask }: ResetOptions): Promise<boolean> {
  if (path === undefined) {
    throw new DevError(
      "BAD_USAGE",
      `--reset deletes only the log that perdure dev keeps itself; ${address} is yours to delete`,
    );
  }
  if (!existsSync(path)) return true;
  if (!yes && ask === undefined) {
    throw new DevError(
      "BAD_USAGE",
      `--reset would delete ${path}; add --yes, since there is no terminal to ask on`,
    );
  }
  if (!yes && (await ask?.(`Delete all state in ${path}? [y/N] `)) !== true) return false;
  removeSqliteLog(path);
  return true;
}
