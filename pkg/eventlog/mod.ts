// SPDX-License-Identifier: Apache-2.0

export type {
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
export type { JetStreamLogOptions } from "./jetstream/options.ts";
export { jetStreamOptions } from "./jetstream/options.ts";
export { openMemoryLog } from "./memory.ts";
export { meteredLog } from "./metered-log.ts";
export { LOG_METRICS } from "./metrics.ts";
export type { EventLogDependencies, NatsOfLog } from "./open.ts";
export { natsOfLog, openEventLog } from "./open.ts";
export { removeSqliteLog } from "./sqlite/remove.ts";
export { tracedLog } from "./traced-log.ts";
