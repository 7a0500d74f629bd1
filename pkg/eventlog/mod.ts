// SPDX-License-Identifier: Apache-2.0

export type {
  Durability,
  EntityKey,
  EventLog,
  EventLogCode,
  HistoryPage,
  LogHealth,
  LogRecord,
  Position,
  StoredSnapshot,
  TailRecord,
} from "./event-log.ts";
export { EventLogError, NO_POSITION } from "./event-log.ts";
export type { HealthSettings } from "./health.ts";
export type {
  JetStreamAddress,
  JetStreamLogOptions,
  JetStreamSettings,
  StreamSettings,
} from "./jetstream/options.ts";
export { jetStreamOptions } from "./jetstream/options.ts";
export type { LogLimits } from "./limits.ts";
export type { MemoryLogOptions } from "./memory.ts";
export { openMemoryLog } from "./memory.ts";
export type { EventLogDependencies } from "./open.ts";
export { openEventLog } from "./open.ts";
export type { SqliteLog, SqliteLogStats } from "./sqlite/log.ts";
export type { SqliteLogOptions } from "./sqlite/options.ts";
export { removeSqliteLog } from "./sqlite/remove.ts";
export { tracedLog } from "./traced-log.ts";
