// SPDX-License-Identifier: Apache-2.0

import { EventLogError } from "../event-log.ts";
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
 */
export class ConnectionKeeper {
  readonly #path: string;
  readonly #options: SqliteLogOptions;
  readonly #createWorker: CreateWorker;
  #state: State = { kind: "closed" };

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
      case "down":
        if (this.#options.clock.monotonicMs() < this.#state.retryAtMs) throw unavailable(this.#state.error);
        return this.#open(this.#connect());
      case "closed":
        throw new EventLogError("LOG_CLOSED", `${this.#path}: the log is closed`);
    }
  }

  /** False: it was lost or closed meanwhile. */
  isCurrent(connection: Connection): boolean {
    return this.#state.kind === "up" && this.#state.connection === connection;
  }

  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { kind: "closed" };
    if (state.kind === "opening") await state.attempt.then(closeConnection, () => undefined);
    if (state.kind === "up") await closeConnection(state.connection);
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
    const start = { path: this.#path, settings: writerSettings(this.#options) };
    const writer = new WriterLink(start, {
      createWorker: this.#createWorker,
      onWarning: (error) =>
        logger.warn("event log: not all is well", { path: this.#path, error: error.message }),
      onLost: (error) => this.#onLost(writer, error),
    });
    await writer.started();
    try {
      return { writer, reader: new Reader(this.#path, this.#options, this.#options.busyTimeoutMs) };
    } catch (thrown) {
      await writer.close();
      throw thrown;
    }
  }

  #onLost(writer: WriterLink, error: EventLogError): void {
    if (this.#state.kind !== "up" || this.#state.connection.writer !== writer) return;
    this.#options.logger.error("event log: writer lost, opening the file again", {
      path: this.#path,
      error: error.message,
    });
    this.#state.connection.reader.close();
    void this.#open(writer.exited().then(() => this.#connect()));
  }
}

/** The reader first: the last connection to close is then the writer's, which tidies up the write-ahead log. */
async function closeConnection({ reader, writer }: Connection): Promise<void> {
  reader.close();
  await writer.close();
}

function unavailable(error: EventLogError): EventLogError {
  return new EventLogError("LOG_UNAVAILABLE", error.message, { cause: error });
}
