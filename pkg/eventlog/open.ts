// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../base/mod.ts";
import type { NatsAddress } from "../nats/address/mod.ts";
import type { Telemetry } from "../telemetry/mod.ts";

import { parseEventLogAddress } from "./address/log-address.ts";
import type { EventLog } from "./event-log.ts";
import { EventLogError } from "./event-log.ts";
import type { JetStreamLogOptions } from "./jetstream/options.ts";
import { defaultJetStreamOptions } from "./jetstream/options.ts";
import type { MemoryLogOptions } from "./memory.ts";
import { openMemoryLog } from "./memory.ts";
import { openSqliteLog } from "./sqlite/log.ts";
import type { SqliteLogOptions } from "./sqlite/options.ts";

export interface EventLogDependencies {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** True: `LOG_UNUSABLE` for a log that does not exist, as one in memory never does. Default false. */
  readonly mustExist?: boolean;
  readonly memory?: Partial<MemoryLogOptions>;
  readonly sqlite?: Partial<SqliteLogOptions>;
  readonly jetstream?: Partial<JetStreamLogOptions>;
}

/**
 * Opens the log at an address: `memory:`, `sqlite:PATH`, or `nats://HOST:PORT[,HOST:PORT…][/PREFIX]`, also `tls://`.
 *
 * @throws EventLogError `LOG_BAD_ADDRESS`, and those of `openSqliteLog` and `openJetStreamLog`.
 */
export async function openEventLog(address: string, dependencies: EventLogDependencies): Promise<EventLog> {
  const parsed = parseEventLogAddress(address);
  const { clock, telemetry, mustExist = false } = dependencies;
  switch (parsed.kind) {
    case "memory":
      if (mustExist)
        throw new EventLogError("LOG_UNUSABLE", "a log in memory is there for its own process only");
      return openMemoryLog(dependencies.memory);
    case "sqlite":
      return openSqliteLog(parsed.path, { clock, telemetry, mustExist, ...dependencies.sqlite });
    case "nats": {
      const secrets = natsSecrets(parsed, dependencies);
      // Imported here, so that only logs of this kind load the NATS client.
      const { openJetStreamLog } = await import("./jetstream/log.ts");
      return openJetStreamLog(parsed, { clock, telemetry, mustExist, ...dependencies.jetstream, ...secrets });
    }
  }
}

/** A log's NATS: where it is, and how another connection to it is made. */
export interface NatsOfLog {
  /** `host:port` of a server, or of several, separated by commas. */
  readonly server: string;
  /** That of the log, which the names of all its streams and subjects begin with. */
  readonly prefix: string;
  readonly options: JetStreamLogOptions;
}

/**
 * The NATS that the log at an address is in, for those who need it for more than the log. Undefined: it is elsewhere.
 *
 * @throws EventLogError `LOG_BAD_ADDRESS`
 */
export function natsOfLog(address: string, dependencies: EventLogDependencies): NatsOfLog | undefined {
  const parsed = parseEventLogAddress(address);
  if (parsed.kind !== "nats") return undefined;
  const { clock, telemetry, jetstream } = dependencies;
  const secrets = natsSecrets(parsed, dependencies);
  const { server, prefix } = parsed;
  return {
    server,
    prefix,
    options: { ...defaultJetStreamOptions, ...jetstream, ...secrets, clock, telemetry },
  };
}

/** Merges credentials and TLS of the address with those of the settings. Credentials in both are `LOG_BAD_ADDRESS`. */
function natsSecrets(
  { credentials, isTls }: NatsAddress,
  { jetstream = {} }: EventLogDependencies,
): Pick<JetStreamLogOptions, "credentials" | "tls"> {
  const { credentials: others, tls } = { ...defaultJetStreamOptions, ...jetstream };
  if (credentials.kind !== "none" && others.kind !== "none") {
    const text = "credentials of NATS stand in the address and in a setting: keep one";
    throw new EventLogError("LOG_BAD_ADDRESS", text);
  }
  return {
    credentials: credentials.kind === "none" ? others : credentials,
    tls: { ...tls, required: tls.required || isTls },
  };
}
