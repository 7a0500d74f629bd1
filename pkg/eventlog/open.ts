// SPDX-License-Identifier: Apache-2.0

import type { Clock, Logger } from "../base/mod.ts";
import { EventLogError } from "./event-log.ts";
import type { EventLog } from "./event-log.ts";
import { openMemoryLog } from "./memory.ts";
import type { MemoryLogOptions } from "./memory.ts";
import { openSqliteLog } from "./sqlite/log.ts";
import type { SqliteLogOptions } from "./sqlite/options.ts";

export interface EventLogDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly memory?: Partial<MemoryLogOptions>;
  readonly sqlite?: Partial<SqliteLogOptions>;
}

/** What an address says. */
export type EventLogAddress =
  | { readonly kind: "memory" }
  /** The path as it was written: relative ones count from the working folder. */
  | { readonly kind: "sqlite"; readonly path: string };

/**
 * Opens the log at an address: `memory:` or `sqlite:PATH`.
 *
 * @throws EventLogError `LOG_BAD_ADDRESS`, and those of `openSqliteLog`.
 */
export async function openEventLog(address: string, deps: EventLogDeps): Promise<EventLog> {
  const parsed = parseEventLogAddress(address);
  const { clock, logger } = deps;
  if (parsed.kind === "memory") return openMemoryLog(deps.memory);
  return openSqliteLog(parsed.path, { clock, logger, ...deps.sqlite });
}

/** @throws EventLogError `LOG_BAD_ADDRESS` with the forms that are known. */
export function parseEventLogAddress(address: string): EventLogAddress {
  if (address === "memory:") return { kind: "memory" };
  if (address.startsWith("nats:")) throw badAddress(address, "NATS comes with a later version");
  if (!address.startsWith("sqlite:")) throw badAddress(address, "no such kind of log");
  const path = address.slice("sqlite:".length);
  if (path === "") throw badAddress(address, "the path is missing");
  if (path.includes("\0")) throw badAddress(address, "a path has no NUL");
  if (path.startsWith("//")) throw badAddress(address, "write the path right behind the colon");
  if (path.startsWith("~")) throw badAddress(address, "~ stands for no folder here, write it out");
  if (path === ":memory:") throw badAddress(address, "the log in memory is memory:");
  if (path.endsWith("/")) throw badAddress(address, "the path is that of a file");
  return { kind: "sqlite", path };
}

function badAddress(address: string, reason: string): EventLogError {
  const text =
    `${JSON.stringify(address)} is not the address of a log: ${reason}. ` +
    "Known are: memory: (ends with the process), sqlite:PATH (a file, relative or absolute; sqlite:.perdure/log.db)";
  return new EventLogError("LOG_BAD_ADDRESS", text);
}
