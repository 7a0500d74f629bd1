// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../base/mod.ts";
import { decorate, getOrMake } from "../base/mod.ts";
import type { Counter, Histogram, Meter, TraceContext } from "../telemetry/mod.ts";
import { NO_METER } from "../telemetry/mod.ts";

import type { EventLog } from "./event-log.ts";
import { EventLogError } from "./event-log.ts";
import { LOG_METRICS } from "./metrics.ts";

/** A log whose appends and reads are counted and timed; the log itself if nobody counts. */
export function meteredLog(log: EventLog, meter: Meter, clock: Clock): EventLog {
  if (meter === NO_METER) return log;
  const writing = (operation: string): Operation =>
    new Operation(operation, LOG_METRICS.written, meter, clock);
  const append = writing("append");
  const replace = writing("replace");
  const saveSnapshot = writing("save_snapshot");
  const reading = (operation: string): Operation => new Operation(operation, LOG_METRICS.read, meter, clock);
  const read = reading("read");
  const readLast = reading("read_last");
  const records = meter.counter(LOG_METRICS.recordsRead, { operation: "read" });
  const lastRecords = meter.counter(LOG_METRICS.recordsRead, { operation: "read_last" });
  return decorate(log, {
    append: (entity, expected, record, trace) =>
      append.timed(record.length, trace, clock.monotonicMs(), log.append(entity, expected, record, trace)),
    replace: (entity, expected, record, trace) =>
      replace.timed(record.length, trace, clock.monotonicMs(), log.replace(entity, expected, record, trace)),
    saveSnapshot: (entity, position, snapshot) =>
      saveSnapshot.timed(
        snapshot.length,
        undefined,
        clock.monotonicMs(),
        log.saveSnapshot(entity, position, snapshot),
      ),
    async read(entity, after, trace) {
      const page = await read.timed(0, trace, clock.monotonicMs(), log.read(entity, after, trace));
      let bytes = page.snapshot?.bytes.length ?? 0;
      for (const record of page.records) bytes += record.bytes.length;
      read.bytes.add(bytes);
      records.add(page.records.length);
      return page;
    },
    async readLast(entity, trace) {
      const record = await readLast.timed(0, trace, clock.monotonicMs(), log.readLast(entity, trace));
      readLast.bytes.add(record?.bytes.length ?? 0);
      lastRecords.add(record === undefined ? 0 : 1);
      return record;
    },
  });
}

/** The instruments of one operation. */
class Operation {
  readonly bytes: Counter;
  readonly #name: string;
  readonly #meter: Meter;
  readonly #clock: Clock;
  readonly #duration: Histogram;
  readonly #failures = new Map<string, Counter>();

  constructor(name: string, bytes: typeof LOG_METRICS.read, meter: Meter, clock: Clock) {
    this.#name = name;
    this.#meter = meter;
    this.#clock = clock;
    this.bytes = meter.counter(bytes, { operation: name });
    this.#duration = meter.histogram(LOG_METRICS.duration, { operation: name });
  }

  /** Follows an operation that has begun, and returns it. @param bytes that it stores. */
  timed<T>(bytes: number, trace: TraceContext | undefined, sinceMs: number, work: Promise<T>): Promise<T> {
    work.then(
      () => {
        this.#duration.record((this.#clock.monotonicMs() - sinceMs) / 1_000, trace);
        this.bytes.add(bytes);
      },
      (error: unknown) => {
        this.#duration.record((this.#clock.monotonicMs() - sinceMs) / 1_000, trace);
        this.#failed(error);
      },
    );
    return work;
  }

  #failed(error: unknown): void {
    const code = error instanceof EventLogError ? error.code : "INTERNAL";
    const operation = this.#name;
    getOrMake(this.#failures, code, () => this.#meter.counter(LOG_METRICS.failures, { operation, code })).add(
      1,
    );
  }
}
