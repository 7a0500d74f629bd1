// SPDX-License-Identifier: Apache-2.0

import type { Counter, Histogram, Meter, TraceContext } from "../telemetry/mod.ts";

import { COMMAND_METRICS, ENTITY_METRICS } from "./metrics.ts";

/** What the labels of a service's instruments say. */
export interface ServiceLabels {
  readonly kind: string;
  readonly type: string;
}

/** Counts the commands of one service. */
export class CommandInstruments {
  readonly received: Counter;
  readonly failed: Counter;
  readonly #completed: Counter;
  readonly #duration: Histogram;

  constructor(meter: Meter, of: ServiceLabels) {
    this.received = meter.counter(COMMAND_METRICS.received, of);
    this.failed = meter.counter(COMMAND_METRICS.failed, of);
    this.#completed = meter.counter(COMMAND_METRICS.completed, of);
    this.#duration = meter.histogram(COMMAND_METRICS.duration, of);
  }

  /** A command that had its turn is over. @param tookMs from its arrival. */
  ended(isCompleted: boolean, tookMs: number, trace: TraceContext | undefined): void {
    if (isCompleted) this.#completed.add(1);
    else this.failed.add(1);
    this.#duration.record(tookMs / MS_PER_SECOND, trace);
  }
}

/** Counts what the entities of one type do. */
export class EntityInstruments extends CommandInstruments {
  readonly queued: Counter;
  readonly dequeued: Counter;
  readonly queueTime: Histogram;
  readonly processing: Histogram;
  readonly append: Histogram;
  readonly activated: Counter;
  readonly passivated: Counter;
  readonly lost: Counter;
  readonly activation: Histogram;
  readonly activeTime: Histogram;
  readonly storedEvents: Amount;
  readonly loadedEvents: Amount;
  readonly storedSnapshots: Amount;
  readonly loadedSnapshots: Amount;

  constructor(meter: Meter, of: ServiceLabels) {
    super(meter, of);
    this.queued = meter.counter(COMMAND_METRICS.queued, of);
    this.dequeued = meter.counter(COMMAND_METRICS.dequeued, of);
    this.queueTime = meter.histogram(COMMAND_METRICS.queueTime, of);
    this.processing = meter.histogram(COMMAND_METRICS.processing, of);
    this.append = meter.histogram(COMMAND_METRICS.append, of);
    this.activated = meter.counter(ENTITY_METRICS.activated, of);
    this.passivated = meter.counter(ENTITY_METRICS.passivated, of);
    this.lost = meter.counter(ENTITY_METRICS.failed, of);
    this.activation = meter.histogram(ENTITY_METRICS.activation, of);
    this.activeTime = meter.histogram(ENTITY_METRICS.activeTime, of);
    const amount = (
      count: typeof ENTITY_METRICS.storedEvents,
      bytes: typeof ENTITY_METRICS.storedEventBytes,
    ): Amount => ({ count: meter.counter(count, of), bytes: meter.counter(bytes, of) });
    this.storedEvents = amount(ENTITY_METRICS.storedEvents, ENTITY_METRICS.storedEventBytes);
    this.loadedEvents = amount(ENTITY_METRICS.loadedEvents, ENTITY_METRICS.loadedEventBytes);
    this.storedSnapshots = amount(ENTITY_METRICS.storedSnapshots, ENTITY_METRICS.storedSnapshotBytes);
    this.loadedSnapshots = amount(ENTITY_METRICS.loadedSnapshots, ENTITY_METRICS.loadedSnapshotBytes);
  }
}

/** Counts one thing with these bytes. */
export function countOne({ count, bytes }: Amount, { length }: Uint8Array): void {
  count.add(1);
  bytes.add(length);
}

/** How many, and how many bytes they have. */
export interface Amount {
  readonly count: Counter;
  readonly bytes: Counter;
}

export const MS_PER_SECOND = 1_000;
