// SPDX-License-Identifier: Apache-2.0

import type { EventLogCode, Position } from "../event-log.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import type { FileIdentity } from "./open-files.ts";
import { checkIdentity } from "./open-files.ts";
import type { SqliteLogOptions } from "./options.ts";
import { writerSettings } from "./options.ts";
import { Reader } from "./reader.ts";
import type { CreateWorker } from "./writer-link.ts";
import { WriterLink } from "./writer-link.ts";

export interface Connection {
  readonly writer: WriterLink;
  readonly reader: Reader;
}

type State =
  | { readonly kind: "up"; readonly connection: Connection }
  /** The connection is kept, because closing it would lose the file that it has open. */
  | { readonly kind: "displaced"; readonly connection: Connection; readonly error: EventLogError }
  | { readonly kind: "opening"; readonly attempt: Promise<Connection> }
  | { readonly kind: "down"; readonly error: EventLogError; readonly retryAtMs: number }
  | { readonly kind: "closed" };

/**
 * Keeps a connection to the file, and opens a new one when the writer is lost.
 *
 * 1. When a writer is lost, its reader is closed too, and the new writer opens the file when both are gone. SQLite
 *    then reads the write-ahead log from disk. That settles for good whether an append with an unknown outcome is
 *    stored (I5).
 * 2. Callers that come while the file is being opened wait for that one attempt. After a failed attempt, the first
 *    call after `reopenDelayMs` starts the next one. Until then each call gets the error of the failed attempt.
 * 3. It opens one file for as long as it lives. If the path leads to another file, or to none, nothing is written or
 *    read, because entities in memory are newer than any copy, and records written to a deleted file are lost. If the
 *    file comes back to its path, the log works again.
 */
export class ConnectionKeeper {
  readonly #path: string;
  readonly #options: SqliteLogOptions;
  readonly #createWorker: CreateWorker;
  #state: State = { kind: "closed" };
  #file: FileIdentity | undefined;
  #acknowledged: Position = NO_POSITION;

  constructor(path: string, options: SqliteLogOptions, createWorker: CreateWorker) {
    this.#path = path;
    this.#options = options;
    this.#createWorker = createWorker;
  }

  /** The first opening. @throws EventLogError */
  start(): Promise<Connection> {
    return this.#open(this.#connect());
  }

  /** The connection, at once if there is one. @throws EventLogError (also in the promise). */
  get(): Connection | Promise<Connection> {
    switch (this.#state.kind) {
      case "up":
        return this.#state.connection;
      case "opening":
        return this.#state.attempt;
      case "displaced":
        throw again(this.#state.error);
      case "down":
        if (this.#options.clock.monotonicMs() < this.#state.retryAtMs) throw again(this.#state.error);
        return this.#open(this.#connect());
      case "closed":
        throw new EventLogError("LOG_CLOSED", `${this.#path}: the log is closed`);
    }
  }

  /** Notes that a record at this position was stored, because a file without it is another one. */
  acknowledge(position: Position): void {
    if (position > this.#acknowledged) this.#acknowledged = position;
  }

  /** False: it was lost or closed meanwhile. */
  isCurrent(connection: Connection): boolean {
    return this.#state.kind === "up" && this.#state.connection === connection;
  }

  /** @throws EventLogError what a batch would meet. Only one check or batch at a time. */
  async check(thorough: boolean): Promise<void> {
    const before = this.#state;
    const connection = before.kind === "displaced" ? before.connection : await this.get();
    try {
      await connection.writer.check(thorough);
    } catch (thrown) {
      // The connection was lost during the check. Only a check through a new one gives the answer.
      if (this.#held() === connection) throw thrown;
      await (await this.get()).writer.check(thorough);
    }
    if (this.#state.kind === "displaced" && this.#state.connection === connection)
      this.#state = { kind: "up", connection };
  }

  async close(): Promise<void> {
    const [state, held] = [this.#state, this.#held()];
    this.#state = { kind: "closed" };
    if (state.kind === "opening") await state.attempt.then(closeConnection, () => undefined);
    if (held !== undefined) await closeConnection(held);
  }

  /** The connection that is open, whether its file is in place or not. */
  #held(): Connection | undefined {
    return "connection" in this.#state ? this.#state.connection : undefined;
  }

  #open(attempt: Promise<Connection>): Promise<Connection> {
    const state: State = { kind: "opening", attempt };
    this.#state = state;
    void attempt.then(
      (connection) => {
        if (this.#state === state) this.#state = { kind: "up", connection };
      },
      (error: EventLogError) => {
        if (this.#state !== state) return;
        const retryAtMs = this.#options.clock.monotonicMs() + this.#options.reopenDelayMs;
        this.#state = { kind: "down", error, retryAtMs };
      },
    );
    return attempt;
  }

  async #connect(): Promise<Connection> {
    const { logger } = this.#options.telemetry;
    const expected = this.#file && { identity: this.#file, position: this.#acknowledged };
    const start = { path: this.#path, settings: writerSettings(this.#options), expected };
    const writer = new WriterLink(start, {
      createWorker: this.#createWorker,
      onWarning: (error) =>
        logger.warn("event log: not all is well", { path: this.#path, error: error.message }),
      onLost: (error) => this.#onLost(writer, error),
      onDisplaced: (error) => this.#onDisplaced(writer, error),
    });
    const { file } = await writer.started();
    this.#file ??= file;
    let reader: Reader | undefined;
    try {
      reader = new Reader(this.#path, this.#options, this.#options.sqliteBusyTimeoutMs);
      // Otherwise the reader could read another file than the writer, if the file was replaced in between.
      checkIdentity(this.#path, this.#file);
      return { writer, reader };
    } catch (thrown) {
      reader?.close();
      await writer.close();
      throw thrown;
    }
  }

  #onDisplaced(writer: WriterLink, { message, cause }: EventLogError): void {
    const state = this.#state;
    if (state.kind !== "up" || state.connection.writer !== writer) return;
    const error = new EventLogError("LOG_UNUSABLE", message, { cause });
    this.#state = { kind: "displaced", connection: state.connection, error };
  }

  #onLost(writer: WriterLink, error: EventLogError): void {
    const held = this.#held();
    if (held?.writer !== writer) return;
    const fields = { path: this.#path, error: error.message };
    this.#options.telemetry.logger.error("event log: writer lost, opening the file again", fields);
    held.reader.close();
    void this.#open(writer.exited().then(() => this.#connect()));
  }
}

/** Reader first: the writer's connection is then the last to close, and tidies up the write-ahead log. */
async function closeConnection({ reader, writer }: Connection): Promise<void> {
  reader.close();
  await writer.close();
}

/** Problems that only an operator can solve keep their code. */
const STAYING: readonly EventLogCode[] = ["LOG_UNUSABLE", "LOG_CORRUPT", "LOG_TOO_NEW"];

/** One for each caller, who may add to it. Never `OUTCOME_UNKNOWN`, because nothing was stored. */
function again(error: EventLogError): EventLogError {
  const code = STAYING.includes(error.code) ? error.code : "LOG_UNAVAILABLE";
  return new EventLogError(code, error.message, { cause: error });
}
