// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";

import type { EntityKey, EventLog, EventLogCode, LogRecord, Position, TailRecord } from "../event-log.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import type { LogLimits } from "../limits.ts";

/** A log that a case has to itself. */
export interface LogUnderTest {
  readonly log: EventLog;
  /** For durable logs: opens what another process would find if this one crashed now, as a separate log. */
  readonly afterCrash?: () => Promise<EventLog>;
  /** Makes the log refuse appends, and ends that again. Without it that case is left out, and the suite says so. */
  readonly trouble?: Trouble;
  /**
   * How long the log may take to notice trouble and its end, in milliseconds. If unset, a long time, because the
   * machine may be busy.
   */
  readonly patienceMs?: number;
  /** Closes everything and removes it. */
  readonly dispose: () => Promise<void>;
}

export interface Trouble {
  begin(): Promise<void>;
  end(): Promise<void>;
  /** The code with which appends fail meanwhile. */
  readonly code: EventLogCode;
}

export type OpenLogUnderTest = (limits: Partial<LogLimits>) => Promise<LogUnderTest>;

/** One statement about every log. It cites the clauses of `event-log.ts`. */
export interface ContractCase {
  readonly title: string;
  readonly limits?: Partial<LogLimits>;
  /** @throws if the log breaks the statement. */
  readonly run: (under: LogUnderTest, leaveOut: LeaveOut) => Promise<void>;
}

/** Called by a case that cannot be tried, with what the log under test would have to give. */
export type LeaveOut = (missing: string) => void;

export async function runCase(
  contractCase: ContractCase,
  open: OpenLogUnderTest,
  leaveOut: LeaveOut = () => undefined,
): Promise<void> {
  const under = await open(contractCase.limits ?? {});
  try {
    await contractCase.run(under, leaveOut);
  } finally {
    await under.dispose();
  }
}

export const ann: EntityKey = { type: "cart", id: "ann" };
export const bob: EntityKey = { type: "cart", id: "bob" };

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** States that a log without `afterCrash` needs none. @throws if the log is durable. */
export function endsWithItsProcess({ durability }: EventLog): void {
  assert.equal(durability, "memory", `a log with the durability ${durability}: give \`afterCrash\``);
}

/** Appends one after the other and gives their positions. */
export async function appendAll(
  log: EventLog,
  entity: EntityKey,
  records: readonly Uint8Array[],
  behind: Position = NO_POSITION,
): Promise<Position[]> {
  const positions: Position[] = [];
  for (const record of records) positions.push(await log.append(entity, positions.at(-1) ?? behind, record));
  return positions;
}

/** All records that `read` gives, page by page. */
export async function readAll(log: EventLog, entity: EntityKey): Promise<LogRecord[]> {
  const all: LogRecord[] = [];
  let page = await log.read(entity);
  all.push(...page.records);
  while (!page.end) {
    page = await log.read(entity, all.at(-1)?.position ?? NO_POSITION);
    assert.equal(page.snapshot, undefined, "a later page has no snapshot");
    assert.ok(page.records.length > 0 || page.end, "a page without records is the last one");
    all.push(...page.records);
  }
  return all;
}

/** The numbers of all partitions. */
export function partitionsOf(log: EventLog): number[] {
  return Array.from({ length: log.partitions }, (_, partition) => partition);
}

/** The first `count` records of a tail. */
export async function take(
  log: EventLog,
  type: string,
  partition: number,
  from: Position,
  count: number,
): Promise<TailRecord[]> {
  const taken: TailRecord[] = [];
  const abort = new AbortController();
  if (count === 0) return taken;
  for await (const record of log.tail(type, partition, from, abort.signal)) {
    taken.push(record);
    if (taken.length === count) abort.abort();
  }
  return taken;
}

export async function listAll(log: EventLog, type: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const id of log.list(type)) ids.push(id);
  return ids.sort();
}

export async function refused(promise: Promise<unknown>, code: EventLogCode): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof EventLogError, `an EventLogError, not ${String(error)}`);
    assert.equal(error.code, code);
    return true;
  });
}

export function sameRecords(
  actual: readonly { readonly bytes: Uint8Array }[],
  expected: readonly Uint8Array[],
): void {
  const asText = (all: readonly Uint8Array[]) => all.map((one) => Buffer.from(one).toString("latin1"));
  assert.deepEqual(asText(actual.map((record) => record.bytes)), asText(expected));
}

export function rising(positions: readonly Position[]): void {
  let last = NO_POSITION;
  for (const position of positions) {
    assert.ok(Number.isSafeInteger(position) && position > last, `${position} comes after ${last}`);
    last = position;
  }
}
