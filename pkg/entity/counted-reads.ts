// SPDX-License-Identifier: Apache-2.0

import type { Account, Charge } from "../base/mod.ts";
import type { EntityKey, EventLog, HistoryPage, LogRecord, Position } from "../eventlog/mod.ts";

import type { HistoryReader } from "./entity-protocol.ts";

/** What was read is held once as it came, and once more as the messages that the user function has not taken yet. */
const COPIES = 2;

/**
 * The reads of one activation, counted in an account that all activations share (I11): each read waits until something is
 * available there, and what it gave is counted until the next read, or the end. A read does not know how much it will
 * get, so the account may be overdrawn by as many reads as are under way at a time (`maxActivations`).
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
