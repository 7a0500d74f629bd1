// SPDX-License-Identifier: Apache-2.0

import { markdownTable } from "markdown-table";
import { median } from "simple-statistics";

import { ratiosOf } from "../change.ts";
import type { Load, LoadCall, MessageSizes } from "../loader/job.ts";
import { formatCount, formatNumber } from "../report.ts";
import type { Row } from "../row.ts";
import { medianFigures } from "../row.ts";
import { caseOf } from "./cases.ts";
import type { IdleMessages } from "./idle.ts";
import type { PodLoads, PodRows } from "./measure-pod-rows.ts";

/** A time that was measured several times. */
export interface PodFigure {
  readonly what: string;
  readonly values: readonly number[];
  readonly unit: string;
  readonly budget?: number;
}

/** What an acknowledged command survives: the pods' logs are on a server that syncs some time later. */
const POD_DURABILITY = "acknowledged-before-fsync";
const NO_STATE = "none (no state)";

/** What forwarding may cost, in bare requests over NATS. */
const FORWARD_BUDGET = 1.3;

/** The rows as others are, each compared with the same call at the pod that owns its carts. */
export function podRows({ rows }: PodRows): Row[] {
  return rows.map(({ measured, callers, rounds }) => {
    const local = loadsOf(rows, "owner", measured.call, callers);
    return {
      case: measured.name,
      callers,
      ...medianFigures(rounds, local),
      durability: measured.way === "nats" ? NO_STATE : POD_DURABILITY,
    };
  });
}

/** What forwarding costs: the medians of the rounds. */
export interface ForwardCost {
  readonly call: LoadCall;
  readonly callers: number;
  /** How much longer a forwarded call takes than one at the owner, in p50. */
  readonly addedUs: number;
  readonly natsUs: number;
  readonly ratio: number;
  /** Processor time of all proxies for a call at the owner, and for a forwarded one. */
  readonly cpuUs: readonly [local: number, forwarded: number];
}

export function forwardCosts({ rows }: PodRows): ForwardCost[] {
  return rows
    .filter(({ measured }) => measured.way === "forwarded")
    .map(({ measured: { call }, callers, rounds }) => {
      const local = loadsOf(rows, "owner", call, callers);
      const nats = loadsOf(rows, "nats", call, callers).map(({ p50Us }) => p50Us);
      const added = rounds.map(({ p50Us }, round) => p50Us - (local[round]?.p50Us ?? Number.NaN));
      const ratios = added.map((addedUs, round) => addedUs / (nats[round] ?? Number.NaN));
      return {
        call,
        callers,
        addedUs: median(added),
        natsUs: median(nats),
        ratio: median(ratios),
        cpuUs: [cpuOf(local), cpuOf(rounds)],
      };
    });
}

function cpuOf(loads: readonly Load[]): number {
  return median(loads.map(({ cpuUs }) => cpuUs ?? Number.NaN));
}

export function forwardTable(costs: readonly ForwardCost[], sizes: PodRows["sizes"]): string {
  const head = [
    "forwarding",
    "callers",
    "adds to p50, µs",
    "NATS request, µs",
    "÷",
    "budget",
    "",
    "bytes",
    "processor time, µs",
  ];
  const cells = costs.map(({ call, callers, addedUs, natsUs, ratio, cpuUs: [local, forwarded] }) => [
    call === "getCart" ? "read" : "command",
    String(callers),
    formatNumber(addedUs),
    formatNumber(natsUs),
    ratio.toFixed(2),
    `at most ${FORWARD_BUDGET}`,
    ratio <= FORWARD_BUDGET ? "ok" : "over",
    bytesText(sizes.get(call)),
    `${formatCount(local)} → ${formatCount(forwarded)}`,
  ]);
  return markdownTable([head, ...cells], { align: ["", "r", "r", "r", "r"] });
}

function bytesText(sizes: MessageSizes | undefined): string {
  return sizes === undefined ? "" : `${sizes.requestBytes} and ${sizes.answerBytes}`;
}

/** The throughput of several pods as a part of that of one, with callers at any pod and at the owners. */
export function throughputTable({ rows }: PodRows, pods: number): string {
  const one = rows.filter(({ measured }) => measured.way === "one pod");
  const head = [
    "throughput of commands",
    "callers",
    "one pod, per second",
    `${pods} pods, any`,
    "÷ one",
    `${pods} pods, owners`,
    "÷ one",
  ];
  const cells = one.map(({ callers, rounds }) => {
    const compared = (["any pod", "owner"] as const).flatMap((way) => {
      const loads = loadsOf(rows, way, "addItem", callers);
      const perSecond = median(loads.map((load) => load.perSecond));
      return [formatCount(perSecond), median(ratiosOf("perSecond", loads, rounds)).toFixed(2)];
    });
    const perSecond = median(rounds.map((load) => load.perSecond));
    return [POD_DURABILITY, String(callers), formatCount(perSecond), ...compared];
  });
  return markdownTable([head, ...cells], { align: ["", "r", "r", "r", "r", "r", "r"] });
}

export function figuresTable(figures: readonly PodFigure[]): string {
  const cells = figures.map(({ what, values, unit, budget }) => {
    const middle = median([...values]);
    const least = Math.min(...values);
    const most = Math.max(...values);
    return [
      what,
      `${formatNumber(middle)} ${unit}`,
      values.length === 1 ? "" : `${formatNumber(least)} to ${formatNumber(most)}, of ${values.length}`,
      budget === undefined ? "" : `at most ${formatNumber(budget)} ${unit}`,
      budget === undefined ? "" : middle <= budget ? "ok" : "over",
    ];
  });
  return markdownTable([["what", "median", "range", "budget", ""], ...cells], { align: ["", "r"] });
}

export function idleTable(counted: readonly IdleMessages[]): string {
  const head = ["messages a second, idle", "to the server", "from it", "both", "each pod", "of the logs"];
  const cells = counted.map(({ pods, sent, delivered, ofLogs }) => [
    pods === 1 ? "1 pod" : `${pods} pods`,
    formatNumber(sent),
    formatNumber(delivered),
    formatNumber(sent + delivered),
    formatNumber((sent + delivered) / pods),
    formatNumber(ofLogs),
  ]);
  return markdownTable([head, ...cells], { align: ["", "r", "r", "r", "r", "r"] });
}

function loadsOf(rows: readonly PodLoads[], ...[way, call, callers]: [...Parameters<typeof caseOf>, number]) {
  const measured = caseOf(way, call);
  return rows.find((row) => row.measured === measured && row.callers === callers)?.rounds ?? [];
}
