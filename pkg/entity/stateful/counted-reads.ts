// SPDX-License-Identifier: Apache-2.0

import type { Account, Charge } from "../../base/mod.ts";
import type { EntityKey, EventLog, HistoryPage, LogRecord, Position } from "../../eventlog/mod.ts";

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

  constructor(log: EventLog, account: Account) {
    this.#log = log;
    this.#account = account;
    this.#charge = account.patientCharge();
  }

  async read(entity: EntityKey, after?: Position): Promise<HistoryPage> {
    await this.#next();
    const page = await this.#log.read(entity, after);
    for (const { bytes } of page.records) this.#charge.overdraw(COPIES * bytes.length);
    this.#charge.overdraw(COPIES * (page.snapshot?.bytes.length ?? 0));
    return page;
  }

  async readLast(entity: EntityKey): Promise<LogRecord | undefined> {
    await this.#next();
    const record = await this.#log.readLast(entity);
    this.#charge.overdraw(COPIES * (record?.bytes.length ?? 0));
    return record;
  }

  close(): void {
    this.#charge.close();
  }

  async #next(): Promise<void> {
    this.#charge.holdExactly(0);
    await this.#account.untilAvailable();
  }
}
