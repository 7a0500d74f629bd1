// SPDX-License-Identifier: Apache-2.0

import type { Clock, LogFields, Random } from "../base/mod.ts";
import { Account, describeError, sleep, systemRandom } from "../base/mod.ts";
import type { EventLog, Position, TailRecord } from "../eventlog/mod.ts";
import { NO_POSITION } from "../eventlog/mod.ts";
import type { Telemetry } from "../telemetry/mod.ts";

import type { Place } from "./consume-steps.ts";
import * as steps from "./consume-steps.ts";

/** Who reads the records of an entity type. */
export interface Consumer {
  /** Name of the checkpoint, which has a position for each of `partitions`, in their order. */
  readonly name: string;
  /** Persistence id of the entities. */
  readonly type: string;
  /** Default: all. Consumers that share out the partitions of a type have different names. */
  readonly partitions?: readonly number[];
  /** Records read in a second, from all partitions together. At most 256 of them are read without a pause. */
  readonly maxRecordsPerSecond: number;
  /**
   * Memory for the records of one partition that are read and not settled, each with 1 KiB beside its bytes: once it is
   * used up, no more are read. 1: records are handled one by one. Default 65,536.
   */
  readonly maxOpenBytes?: number;
  /** Whether the record with which `handle` has failed is poison. `failures` counts them; `error` is the last one. */
  readonly isPoison: (error: unknown, failures: number) => boolean;
  /** Stores a poison record elsewhere. Default: it is skipped. */
  readonly park?: (record: TailRecord, partition: number, error: unknown) => Promise<void>;
  /**
   * The position of the partition in the checkpoint, if all its records up to `settled` are settled (`consume`, 1).
   * Undefined: the checkpoint is not saved this time, for no partition. Default: `settled`.
   */
  readonly checkpoint?: (partition: number, settled: Position) => Position | undefined;
  readonly clock: Clock;
  /** For the jitter of back-offs. Default: Node's. */
  readonly random?: Random;
  readonly telemetry: Telemetry;
}

/** Settles one record; what it returns is ignored. The signal aborts when the run is to end. */
type Handle = (record: TailRecord, partition: number, signal: AbortSignal) => unknown;

/** One run at a time; the next one continues where the last one ended. */
export interface Consumption {
  /** Settles the records that are stored now. @throws EventLogError if the log has failed. */
  catchUp(signal: AbortSignal): Promise<void>;
  /** Settles all records, also those to come, until the signal aborts. Never rejects. */
  follow(signal: AbortSignal): Promise<void>;
}

/**
 * Reads the records of an entity type from a stored checkpoint on:
 *
 *     const consumer = {
 *       ...{ name: "events/cart", type: "cart", maxRecordsPerSecond: 1_000, park, clock, telemetry },
 *       isPoison: (error: unknown) => error instanceof SinkError && error.code === "REFUSED",
 *     };
 *     const events = consume(log, consumer, (record, _partition, signal) => post(record, signal));
 *     await events.follow(stopping.signal);
 *
 * 1. *At least once.* A record is settled when it is handled, parked, or skipped as poison. The checkpoint never passes
 *    a record that is not settled, so a crash loses none. Records after the checkpoint may be handled again.
 * 2. *Order.* The records of an entity are handled one after the other, in their order, those of different entities
 *    side by side. While a record fails, its own entity waits, and the others once `maxOpenBytes` are used up.
 * 3. *Bounds* (I11). `maxRecordsPerSecond`, and for each partition `maxOpenBytes`, one record and a page of the log.
 * 4. *Poison* (I12). `handle` is tried again until it succeeds, or `isPoison` says that the record is poison. That is
 *    logged, and the record is parked or skipped. So it is in the way for ever only if it cannot be parked.
 * 5. *Back-off.* There is a pause, which grows, before `handle` or `park` is tried again; in `follow` also before the
 *    log is read again, in each partition by itself. A checkpoint that cannot be saved is logged, and saved next time.
 * 6. *Set back.* A partition that ends before the checkpoint, as after a restore, is read from its beginning.
 * 7. *Stop.* After the signal has aborted no record is begun. The run ends when the last `handle` has ended and the
 *    checkpoint is saved.
 */
export function consume(log: EventLog, consumer: Consumer, handle: Handle): Consumption {
  const state: State = { parts: [], saved: "", dueMs: 0 };
  const reading = { ...DEFAULTS, ...consumer, log, handle, state };
  return {
    catchUp: (signal) => readAll({ ...reading, signal, follows: false }),
    follow: (signal) => readAll({ ...reading, signal, follows: true }),
  };
}

const DEFAULTS = {
  maxOpenBytes: 65_536,
  park: (): Promise<void> => Promise.resolve(),
  checkpoint: (_partition: number, settled: Position): Position | undefined => settled,
  random: systemRandom,
};

/** A crash repeats the work of about this time, in milliseconds. */
const SAVE_INTERVAL_MS = 1_000;

/** What an open record costs beside its bytes: a few objects and promises. */
const OVERHEAD_BYTES = 1_024;

/** What one run leaves to the next. */
interface State {
  parts: readonly Part[];
  /** The checkpoint in the log. */
  saved: string;
  dueMs: number;
}

interface Part {
  readonly partition: number;
  place: Place;
  /** How often the log has failed since it gave a record. */
  failures: number;
}

interface Run extends Omit<Required<Consumer>, "partitions">, Pick<Consumer, "partitions"> {
  readonly log: EventLog;
  readonly handle: Handle;
  readonly state: State;
  readonly signal: AbortSignal;
  readonly follows: boolean;
}

async function readAll(run: Run): Promise<void> {
  const { state } = run;
  const retry = { isLast: () => !run.follows, message: "the log is read again", about: {} };
  await patiently(run, () => load(run), { ...retry, count: { failures: 0 } });
  const reads = state.parts.map((part) => patiently(run, () => read(run, part), { ...retry, count: part }));
  await Promise.allSettled([...reads, run.follows && saveRegularly(run)]);
  await save(run);
  await Promise.all(reads);
}

async function load({ log, name, partitions, state }: Run): Promise<void> {
  if (state.parts.length > 0) return;
  const saved = (await log.readCheckpoint(name)) ?? [];
  const numbers = partitions ?? Array.from({ length: log.partitions }, (_, partition) => partition);
  state.saved = saved.join();
  state.parts = numbers.map((partition, index) => {
    return { partition, place: steps.placeAt(saved[index] ?? NO_POSITION), failures: 0 };
  });
}

async function read(run: Run, part: Part): Promise<void> {
  const { log, type, clock, maxRecordsPerSecond: rate, follows, state, signal } = run;
  const { partition } = part;
  const newest = await log.lastPosition(type, partition);
  if (newest < part.place.position) {
    warn(run, "consumer: the log was set back, and is read from its beginning", { partition }); // (6)
    part.place = steps.placeAt(NO_POSITION);
  }
  if (newest === part.place.position && !follows) return;
  const room = new Account(run.maxOpenBytes);
  /** By entity: resolves when its open records are settled (2). */
  const lanes = new Map<string, Promise<void>>();
  try {
    for await (const record of log.tail(type, partition, part.place.position, signal)) {
      const { id, position } = record;
      const bytes = record.bytes.byteLength + OVERHEAD_BYTES;
      part.failures = 0;
      part.place = steps.afterRead(part.place, position);
      state.dueMs = steps.dueAfter(state.dueMs, rate, clock.monotonicMs());
      room.overdraw(bytes);
      const lane = (lanes.get(id) ?? Promise.resolve()).then(async () => {
        if (await settle(run, partition, record)) part.place = steps.afterSettled(part.place, position);
        room.give(bytes);
        if (lanes.get(id) === lane) lanes.delete(id);
      });
      lanes.set(id, lane);
      if (position >= newest && !follows) break;
      await room.untilAvailable();
      const delayMs = steps.pauseMs(state.dueMs, rate, clock.monotonicMs());
      if (delayMs > 0) await sleep(clock, delayMs, signal);
    }
  } finally {
    await Promise.all(lanes.values());
    // What is still open, because the signal aborted, is read again by the next run (1).
    part.place = steps.placeAt(steps.settledUpTo(part.place));
  }
}

/** Handles, parks or skips a record (4). False: the signal aborted before that (7). */
async function settle(run: Run, partition: number, record: TailRecord): Promise<boolean> {
  const about = { partition, id: record.id, position: record.position };
  const retry = { message: "consumer: a record is tried again", about, count: { failures: 0 } };
  try {
    const handle = async () => run.handle(record, partition, run.signal);
    return await patiently(run, handle, { ...retry, isLast: run.isPoison });
  } catch (error) {
    warn(run, "consumer: a record is poison", { ...about, error: describeError(error) });
    retry.count.failures = 0;
    return patiently(run, () => run.park(record, partition, error), { ...retry, isLast: () => false });
  }
}

interface Retry {
  readonly isLast: (error: unknown, failures: number) => boolean;
  readonly message: string;
  readonly about: LogFields;
  readonly count: { failures: number };
}

/** Tries until the work is done: true. False: the signal aborted. @throws the error that is the last. */
async function patiently(run: Run, work: () => Promise<unknown>, retry: Retry): Promise<boolean> {
  const { isLast, message, about, count } = retry;
  while (!run.signal.aborted) {
    try {
      await work();
      return true;
    } catch (error) {
      // Work that was stopped has not failed (7).
      if (run.signal.aborted) break;
      count.failures++;
      const step = steps.afterFailure(count.failures, isLast(error, count.failures), run.random);
      if (step.kind === "give-up") throw error;
      warn(run, message, { ...about, error: describeError(error) });
      await sleep(run.clock, step.delayMs, run.signal);
    }
  }
  return false;
}

async function saveRegularly(run: Run): Promise<void> {
  for (; !run.signal.aborted; await save(run)) await sleep(run.clock, SAVE_INTERVAL_MS, run.signal);
}

async function save(run: Run): Promise<void> {
  const { log, name, checkpoint, state } = run;
  const positions = state.parts.map(({ partition, place }) =>
    checkpoint(partition, steps.settledUpTo(place)),
  );
  if (!positions.every((position) => position !== undefined) || positions.join() === state.saved) return;
  try {
    await log.saveCheckpoint(name, positions);
    state.saved = positions.join();
  } catch (error) {
    warn(run, "consumer: the checkpoint cannot be saved now", { error: describeError(error) });
  }
}

function warn({ telemetry, name }: Run, message: string, fields: LogFields): void {
  telemetry.logger.warn(message, { consumer: name, ...fields });
}
