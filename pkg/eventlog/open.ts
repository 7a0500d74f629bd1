// SPDX-License-Identifier: Apache-2.0

import type { Clock, Logger } from "../base/mod.ts";
import { EventLogError } from "./event-log.ts";
import type { EventLog } from "./event-log.ts";
import { openJetStreamLog } from "./jetstream/log.ts";
import type { JetStreamAddress, JetStreamLogOptions, NatsCredentials } from "./jetstream/options.ts";
import { openMemoryLog } from "./memory.ts";
import type { MemoryLogOptions } from "./memory.ts";
import { openSqliteLog } from "./sqlite/log.ts";
import type { SqliteLogOptions } from "./sqlite/options.ts";

export interface EventLogDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly memory?: Partial<MemoryLogOptions>;
  readonly sqlite?: Partial<SqliteLogOptions>;
  readonly jetstream?: Partial<JetStreamLogOptions>;
}

/** What an address says. */
export type EventLogAddress =
  | { readonly kind: "memory" }
  /** The path as it was written: relative ones count from the working folder. */
  | { readonly kind: "sqlite"; readonly path: string }
  | ({ readonly kind: "nats"; readonly credentials: NatsCredentials } & JetStreamAddress);

/**
 * Opens the log at an address: `memory:`, `sqlite:PATH` or `nats://HOST:PORT[/PREFIX]`.
 *
 * @throws EventLogError `LOG_BAD_ADDRESS`, and those of `openSqliteLog` and `openJetStreamLog`.
 */
export async function openEventLog(address: string, deps: EventLogDeps): Promise<EventLog> {
  const parsed = parseEventLogAddress(address);
  const { clock, logger } = deps;
  if (parsed.kind === "memory") return openMemoryLog(deps.memory);
  if (parsed.kind === "sqlite") return openSqliteLog(parsed.path, { clock, logger, ...deps.sqlite });
  const { server, prefix, credentials } = parsed;
  return openJetStreamLog({ server, prefix }, { clock, logger, credentials, ...deps.jetstream });
}

/** @throws EventLogError `LOG_BAD_ADDRESS` with the forms that are known. */
export function parseEventLogAddress(address: string): EventLogAddress {
  if (address === "memory:") return { kind: "memory" };
  if (address.startsWith("nats:")) return parseNats(address);
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

const DEFAULT_PREFIX = "perdure";
const DEFAULT_PORT = "4222";

function parseNats(address: string): EventLogAddress {
  // What is written before an @ is a secret: it stands in no error.
  const shown = address.replace(/\/\/.*@/s, "//…@");
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || url.hostname === "")
    throw badAddress(shown, "it is nats://HOST:PORT or nats://HOST:PORT/PREFIX");
  if (url.search !== "" || url.hash !== "") throw badAddress(shown, "nothing may follow the prefix");
  const prefix = url.pathname.replace(/^\//, "") || DEFAULT_PREFIX;
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(prefix))
    throw badAddress(shown, "a prefix has 1 to 64 letters, digits, _ or -");
  const server = `${url.hostname}:${url.port || DEFAULT_PORT}`;
  return { kind: "nats", server, prefix, credentials: credentialsOf(url, shown) };
}

function credentialsOf({ username, password }: URL, shown: string): NatsCredentials {
  try {
    const user = decodeURIComponent(username);
    if (password !== "") return { kind: "password", user, password: decodeURIComponent(password) };
    return user === "" ? { kind: "none" } : { kind: "token", token: user };
  } catch {
    throw badAddress(shown, "a % in user or password is written %25");
  }
}

function badAddress(address: string, reason: string): EventLogError {
  const text =
    `${JSON.stringify(address)} is not the address of a log: ${reason}. ` +
    "Known are: memory: (ends with the process), sqlite:PATH (a file, relative or absolute; sqlite:.perdure/log.db), " +
    "nats://HOST:PORT/PREFIX (NATS JetStream 2.12 or newer; nats://localhost:4222)";
  return new EventLogError("LOG_BAD_ADDRESS", text);
}
