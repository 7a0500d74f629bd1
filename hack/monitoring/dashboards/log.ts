// SPDX-License-Identifier: Apache-2.0

import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";

import { board, CHOSEN, lines, percentiles, rate, stack } from "./board.ts";

/** The event log, as the proxies see it. NATS has dashboards of its own. */
export function log(): Dashboard {
  return board(
    "perdure-log",
    "Perdure / Event log",
    "What the proxies ask of the event log, and what it answers.",
    [
      {
        title: "Operations",
        panels: [
          stack({ title: "Operations", help: "In a second.", unit: "ops" }, [
            "{{operation}}",
            rate("perdure_log_operation_seconds_count", "operation"),
          ]),
          percentiles(
            {
              title: "Time of an operation",
              help: "Until its result, be it a failure. An append waits until the copies that are asked for have it.",
              unit: "s",
            },
            "perdure_log_operation_seconds",
            "operation",
          ),
          lines(
            {
              title: "Failures",
              help: "APPEND_CONFLICT: another proxy wrote to the same entity first, as when a new revision takes over. The others are explained in docs/errors.md.",
              unit: "ops",
            },
            ["{{operation}} {{code}}", rate("perdure_log_failures_total", "operation, code")],
          ),
          percentiles(
            {
              title: "Time of an append, by service",
              help: "A service that is slower than others has a slow stream.",
              unit: "s",
            },
            "perdure_log_operation_seconds",
            "service",
            `${CHOSEN}, operation="append"`,
          ),
        ],
      },
      {
        title: "Data",
        panels: [
          lines({ title: "Written", help: "Bytes of records and snapshots.", unit: "Bps" }, [
            "{{operation}}",
            rate("perdure_log_written_bytes_total", "operation"),
          ]),
          lines({ title: "Read", help: "Bytes of records and snapshots.", unit: "Bps" }, [
            "{{operation}}",
            rate("perdure_log_read_bytes_total", "operation"),
          ]),
          lines({ title: "Records read", help: "In a second.", unit: "ops" }, [
            "{{operation}}",
            rate("perdure_log_records_read_total", "operation"),
          ]),
        ],
      },
    ],
  );
}
