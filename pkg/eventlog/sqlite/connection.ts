// SPDX-License-Identifier: Apache-2.0

import { EventLogError, NO_POSITION } from "../event-log.ts";
import type { EventLogCode, Position } from "../event-log.ts";
import { checkIdentity } from "./open-files.ts";
import type { FileIdentity } from "./open-files.ts";
import { writerSettings } from "./options.ts";
import type { SqliteLogOptions } from "./options.ts";
import { Reader } from "./reader.ts";
import { WriterLink } from "./writer-link.ts";
import type { CreateWorker } from "./writer-link.ts";

/** A writer and a reader of the file that belong together. */
export interface Connection {
  readonly writer: WriterLink;
  readonly reader: Reader;
}

type State =
  | { readonly kind: "up"; readonly connection: Connection }
  /** It is kept, since closing it would give up the file that it has open. */
  | { readonly kind: "displaced"; readonly connection: Connection; readonly error: EventLogError }
  | { readonly kind: "opening"; readonly attempt: Promise<Connection> }
  | { readonly kind: "down"; readonly error: EventLogError; readonly retryAtMs: number }
  | { readonly kind: "closed" };

/**
 * Keeps a connection to the file, and gets a new one when the writer is lost.
 *
 * 1. A lost writer takes its reader with it, and the new writer opens the file when both are gone. SQLite then reads
 *    the write-ahead log from disk, so an append with an unknown outcome is found stored or not, for good (I5).
 * 2. Whoever asks while the file is being opened waits for that one attempt. After a failed one the next comes no
 *    sooner than `reopenDelayMs`, when somebody asks; until then the answer is its error.
 * 3. It opens one file for as long as it lives. If the path leads to another one, or to none, nothing is written or
 *    read: entities in memory are newer than any copy, and what a deleted file takes is lost. If the file comes back
 *    to its path, the log works again.
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

  /** A record at this position was stored, so a file without it is another one. */
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
      // It is being opened again, or cannot be. Only that tells.
      if (this.#holds(connection)) throw thrown;
      await (await this.get()).writer.check(thorough);
    }
    if (this.#state.kind === "displaced" && this.#state.connection === connection)
      this.#state = { kind: "up", connection };
  }

  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { kind: "closed" };
    if (state.kind === "opening") await state.attempt.then(closeConnection, () => undefined);
    if (state.kind === "up" || state.kind === "displaced") await closeConnection(state.connection);
  }

  #holds(connection: Connection): boolean {
    const state = this.#state;
    return (state.kind === "up" || state.kind === "displaced") && state.connection === connection;
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
    const { logger } = this.#options;
    const expected = this.#file && { identity: this.#file, position: this.#acknowledged };
    const start = { path: this.#path, settings: writerSettings(this.#options), expected };
    const writer = new WriterLink(start, {
      createWorker: this.#createWorker,
      onWarning: (error) =>
        logger.warn("event log: not all is well", { path: this.#path, error: error.message }),
      onLost: (error) => this.#onLost(writer, error),
      onDisplaced: (error) => this.#onDisplaced(writer, error),
    });
    await writer.started();
    this.#file ??= writer.ready.file;
    let reader: Reader | undefined;
    try {
      reader = new Reader(this.#path, this.#options, this.#options.busyTimeoutMs);
      // Else it would read another file than the writer's, if that was replaced in between.
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
    const state = this.#state;
    if ((state.kind !== "up" && state.kind !== "displaced") || state.connection.writer !== writer) return;
    this.#options.logger.error("event log: writer lost, opening the file again", {
      path: this.#path,
      error: error.message,
    });
    state.connection.reader.close();
    void this.#open(writer.exited().then(() => this.#connect()));
  }
}

/** The reader first: the last connection to close is then the writer's, which tidies up the write-ahead log. */
async function closeConnection({ reader, writer }: Connection): Promise<void> {
  reader.close();
  await writer.close();
}

/** What only an operator can change keeps its code. */
const STAYING: readonly EventLogCode[] = ["LOG_UNUSABLE", "LOG_CORRUPT", "LOG_TOO_NEW"];

/** An error of its own for each caller, since each may add to it. Nothing was stored, whatever came before. */
function again(error: EventLogError): EventLogError {
  const code = STAYING.includes(error.code) ? error.code : "LOG_UNAVAILABLE";
  return new EventLogError(code, error.message, { cause: error });
}
