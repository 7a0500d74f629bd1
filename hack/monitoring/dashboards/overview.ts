// SPDX-License-Identifier: Apache-2.0

import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";

import { board, CHOSEN, lines, percentiles, rate, stack } from "./board.ts";

/** Is it well? What callers see, what the proxy holds, and what its process takes. */
export function overview(): Dashboard {
  return board(
    "perdure-overview",
    "Perdure / Overview",
    "What callers see, and what the proxies need for it.",
    [
      { title: "Callers", panels: callers() },
      { title: "Memory accounts", panels: memory() },
      { title: "Processes of the proxies", panels: processes() },
      { title: "Traces", panels: traces() },
    ],
  );
}

function callers() {
  return [
    stack(
      {
        title: "Requests",
        help: "Requests to the public port that are over, in a second, by protocol and status.",
        unit: "ops",
      },
      ["{{protocol}} {{status}}", rate("perdure_requests_total", "protocol, status")],
    ),
    percentiles(
      {
        title: "Time of a request",
        help: "From its head to the end of its answer. A request with streams takes as long as they are open. A point with a trace leads to it.",
        unit: "s",
      },
      "perdure_request_seconds",
      "protocol",
    ),
    lines(
      {
        title: "Commands that fail",
        help: "The part of all commands that were answered with an error, by service.",
        unit: "percentunit",
      },
      [
        "{{service}}",
        `${rate("perdure_commands_failed_total", "service")} / ${rate("perdure_commands_received_total", "service")}`,
      ],
    ),
    lines(
      {
        title: "Connections and open requests",
        help: "At the limit further requests are refused.",
        unit: "short",
      },
      ["{{service}} connections", `sum by (service) (perdure_connections{${CHOSEN}})`],
      ["{{service}} open requests", `sum by (service) (perdure_open_requests{${CHOSEN}})`],
      ["{{service}} limit", `sum by (service) (perdure_open_requests_limit{${CHOSEN}})`],
    ),
  ];
}

function memory() {
  return [
    lines(
      {
        title: "Used part of an account",
        help: "At 100 % the account gives no more, and what asks for memory is refused or has to wait.",
        unit: "percentunit",
      },
      [
        "{{service}} {{account}}",
        `max by (service, account) (perdure_account_taken_bytes{${CHOSEN}} / perdure_account_limit_bytes{${CHOSEN}})`,
      ],
    ),
    lines(
      {
        title: "Refusals by an account",
        help: "How often in a second an account gave nothing: it was used up, or the caller's share of it was.",
        unit: "ops",
      },
      ["{{service}} {{account}}", rate("perdure_account_refusals_total", "service, account")],
    ),
  ];
}

function processes() {
  return [
    lines({ title: "Processor", help: "Cores that a proxy keeps busy.", unit: "short" }, [
      "{{pod}} {{mode}}",
      rate("perdure_process_cpu_seconds_total", "pod, mode"),
    ]),
    lines(
      {
        title: "Memory",
        help: "Of the process, and of the objects in V8's heap. The pod's limit is for the first of them.",
        unit: "bytes",
      },
      ["{{pod}} process", `sum by (pod) (perdure_process_resident_memory_bytes{${CHOSEN}})`],
      ["{{pod}} heap", `sum by (pod) (perdure_process_heap_bytes{${CHOSEN}, part="used"})`],
    ),
    lines(
      {
        title: "Busy part of the event loop",
        help: "A proxy has one event loop. Near 100 % every request waits.",
        unit: "percentunit",
      },
      ["{{pod}}", rate("perdure_event_loop_busy_seconds_total", "pod")],
    ),
    lines(
      {
        title: "Delay of the event loop",
        help: "How late timers were since the last scrape: what a request loses by waiting for others.",
        unit: "s",
      },
      ["{{pod}} {{statistic}}", `max by (pod, statistic) (perdure_event_loop_delay_seconds{${CHOSEN}})`],
    ),
  ];
}

function traces() {
  return [
    lines(
      {
        title: "Spans",
        help: "Finished spans in a second: those that the receiver took, and those that were lost, by reason.",
        unit: "ops",
      },
      ["{{service}} exported", rate("perdure_spans_exported_total", "service")],
      ["{{service}} lost: {{reason}}", rate("perdure_spans_dropped_total", "service, reason")],
    ),
    lines(
      { title: "Spans that wait", help: "For the receiver. Beyond the bound they are lost.", unit: "short" },
      ["{{service}}", `sum by (service) (perdure_spans_waiting{${CHOSEN}})`],
    ),
  ];
}
