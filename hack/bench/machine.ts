// SPDX-License-Identifier: Apache-2.0

import { closeSync, fdatasyncSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem, type } from "node:os";
import { join } from "node:path";

import { median } from "simple-statistics";

const WRITES = 300;
/** About what one command adds to a log. */
const RECORD_BYTES = 256;

/** One line on where the figures come from; `folder` is on the disk that is measured. */
export function describeMachine(folder: string): string {
  return [
    `${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} × ${cpus()[0]?.model ?? process.arch}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `${type()} ${release()}`,
    `Node ${process.versions.node}`,
    `load average ${loadavg()[0]?.toFixed(2)}`,
    `a synced write of ${RECORD_BYTES} bytes takes ${syncedWriteUs(folder).toFixed(0)} µs (median)`,
  ].join(", ");
}

/** How long it takes to append a record to a file and sync it, without a database: the median in microseconds. */
function syncedWriteUs(folder: string): number {
  const file = openSync(join(folder, "synced-write"), "w");
  const record = Buffer.alloc(RECORD_BYTES, 1);
  const times = Array.from({ length: WRITES }, () => {
    const startedMs = performance.now();
    writeSync(file, record);
    fdatasyncSync(file);
    return (performance.now() - startedMs) * 1_000;
  });
  closeSync(file);
  return median(times);
}

/** Processor time so far, in milliseconds. */
export interface ProcessorTime {
  /** All time of all processors, busy or not. */
  readonly totalMs: number;
  readonly busyMs: number;
  /** Of this process, and of its children that have ended. */
  readonly ownMs: number;
}

const TICK_MS = 10;

export function processorTime(): ProcessorTime {
  const times = cpus().map((cpu) => cpu.times);
  const idleMs = times.reduce((sum, { idle }) => sum + idle, 0);
  const busyMs = times.reduce((sum, { user, nice, sys, irq }) => sum + user + nice + sys + irq, 0);
  // The fields after the process's name, which is in brackets and may hold anything (proc_pid_stat(5)).
  const stat = readFileSync("/proc/self/stat", "utf8");
  const ticks = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 15)
    .map(Number);
  return { totalMs: idleMs + busyMs, busyMs, ownMs: TICK_MS * sum(ticks) };
}

/** Processor time so far of the threads that another process has, in milliseconds, to the microsecond. */
export function processTimeMs(pid: number | undefined): number {
  const folder = `/proc/${pid}/task`;
  // The first of its three numbers is the time on a processor in nanoseconds (Linux, sched-stats.rst).
  const nsOf = (thread: string): number =>
    Number(readFileSync(join(folder, thread, "schedstat"), "utf8").split(" ")[0]);
  return sum(readdirSync(folder).map(nsOf)) / 1e6;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Which part of the processors' time went to other processes. An upper bound, because interrupts belong to nobody. */
export function shareOfOthers(before: ProcessorTime, after: ProcessorTime): number {
  const othersMs = after.busyMs - before.busyMs - (after.ownMs - before.ownMs);
  return Math.max(0, othersMs) / Math.max(1, after.totalMs - before.totalMs);
}
