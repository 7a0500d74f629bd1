// SPDX-License-Identifier: Apache-2.0

import type { Account, Charge } from "../../base/mod.ts";
import type { EntityKey, EventLog, HistoryPage, LogRecord, Position } from "../../eventlog/mod.ts";
import type { TraceContext } from "../../telemetry/mod.ts";

import type { HistoryReader } from "./entity-protocol.ts";

/** What was read is in memory twice: as records, and as messages that the user function has not received yet. */
const COPIES = 2;

/**
 * The reads of one activation, charged to an account that all activations share (I11). Each read waits until the
 * account has something available, and its result is charged until the next read or `close`. The size of a result is
 * not known before the read, so the reads that are under way at a time (`maxActivations`) may overdraw the account.
 */
export class CountedReads implements HistoryReader {
  readonly #log: EventLog;
  readonly #account: Account;
  readonly #charge: Charge;
  readonly #trace: TraceContext | undefined;
  #records = 0;
  #bytes = 0;

  /** @param trace the span of which the reads are a part */
  constructor(log: EventLog, account: Account, trace?: TraceContext) {
    this.#log = log;
    this.#account = account;
    this.#charge = account.patientCharge();
    this.#trace = trace;
  }

  /** How many were read so far. */
  get records(): number {
    return this.#records;
  }

  /** How many bytes of records and snapshots were read so far. */
  get bytes(): number {
    return this.#bytes;
  }

  async read(entity: EntityKey, after?: Position): Promise<HistoryPage> {
    await this.#next();
    const page = await this.#log.read(entity, after, this.#trace);
    for (const record of page.records) this.#count(record);
    this.#records += page.records.length;
    if (page.snapshot !== undefined) this.#count(page.snapshot);
    return page;
  }

  async readLast(entity: EntityKey): Promise<LogRecord | undefined> {
    await this.#next();
    const record = await this.#log.readLast(entity, this.#trace);
    if (record === undefined) return undefined;
    this.#count(record);
    this.#records++;
    return record;
  }

  close(): void {
    this.#charge.close();
  }

  #count({ bytes }: LogRecord): void {
    this.#bytes += bytes.length;
    this.#charge.overdraw(COPIES * bytes.length);
  }

  async #next(): Promise<void> {
    this.#charge.holdExactly(0);
    await this.#account.untilAvailable();
  }
}
