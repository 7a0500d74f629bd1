// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";

/** Processor time so far, in ticks of Linux (of which a second has a hundred). */
export interface ProcessorTime {
  /** All time of all processors, busy or not. */
  readonly total: number;
  /** Spent in any process, or in interrupts. */
  readonly busy: number;
  /** Taken by the hypervisor for other machines. */
  readonly stolen: number;
  /** Spent in this process, and in its children that have ended. */
  readonly own: number;
}

/** What kept the processors busy beside the benchmark, as parts of all their time. */
export interface Disturbance {
  readonly others: number;
  readonly stolen: number;
}

export function processorTime(): ProcessorTime {
  return parseProcessorTime(readFileSync("/proc/stat", "utf8"), readFileSync("/proc/self/stat", "utf8"));
}

/** Reads `/proc/stat` and the `stat` of a process (proc(5)). */
export function parseProcessorTime(machine: string, process: string): ProcessorTime {
  const [user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, softIrq = 0, stolen = 0] = numbers(
    machine.slice("cpu".length, machine.indexOf("\n")),
  );
  const busy = user + nice + system + irq + softIrq;
  // The fields after the process's name, which is in brackets and may hold anything. The twelfth to the fifteenth are
  // user and system time, first of the process and then of its children that have ended.
  const own = numbers(process.slice(process.lastIndexOf(")") + 1).replace(/[A-Z]/, "0")).slice(11, 15);
  return { total: busy + idle + waiting + stolen, busy, stolen, own: own.reduce((a, b) => a + b, 0) };
}

export function disturbanceBetween(before: ProcessorTime, after: ProcessorTime): Disturbance {
  const total = Math.max(1, after.total - before.total);
  const others = after.busy - before.busy - (after.own - before.own);
  // Interrupts count as busy and belong to nobody, so this is an upper bound.
  return { others: Math.max(0, others) / total, stolen: (after.stolen - before.stolen) / total };
}

function numbers(text: string): number[] {
  return text.trim().split(/\s+/).map(Number);
}
