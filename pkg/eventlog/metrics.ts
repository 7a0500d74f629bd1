// SPDX-License-Identifier: Apache-2.0

import { counter, DURATION_BUCKETS, histogram } from "../telemetry/mod.ts";

/**
 * What every kind of event log tells. `operation` is `append`, `replace` (the record of a value), `read` (a page of a
 * history), `read_last` or `save_snapshot`.
 */
export const LOG_METRICS = {
  duration: histogram(
    "log_operation_seconds",
    ["operation"],
    "From an operation on the event log to its result, be it a failure. `operation` is `append`; `replace`, which stores a value; `read`, which reads a page of a history; `read_last`; or `save_snapshot`.",
    DURATION_BUCKETS,
  ),
  failures: counter(
    "log_failures",
    ["operation", "code"],
    "Operations that the log refused or could not carry out. `APPEND_CONFLICT` means that another proxy wrote to the same entity first.",
  ),
  written: counter("log_written_bytes", ["operation"], "Bytes of records and snapshots that were stored."),
  read: counter("log_read_bytes", ["operation"], "Bytes of records and snapshots that were read."),
  recordsRead: counter("log_records_read", ["operation"], "Records that were read."),
} as const;
