// SPDX-License-Identifier: Apache-2.0

import type { Msg, MsgHdrs, NatsConnection } from "@nats-io/transport-node";
import { createInbox, PermissionViolationError } from "@nats-io/transport-node";

import { ExpiryQueue, toError } from "../../base/mod.ts";

import { refusalText, translateError } from "./nats-error.ts";
import type { JetStreamLogOptions } from "./options.ts";

/** A request, and what handles its answer. The answer may come in several messages. */
export interface Request {
  readonly subject: string;
  readonly payload: Uint8Array | string;
  readonly headers?: MsgHdrs;
  /** Handles one message of the answer; returns true if it was the last. May throw. */
  take(message: Msg): boolean;
  /** Called if no answer comes, or no more of it. */
  fail(lack: Lack, reason: Error): void;
}

/** Why there is no answer. Only an `unanswered` request may have had an effect. */
export type Lack = "unsent" | "refused" | "unanswered";

/** A request to read. */
export interface Question<T> {
  readonly subject: string;
  readonly payload: Uint8Array | string;
  /** What is being done and where, for the text of an error. */
  readonly doing: string;
  /** Handles one message of the answer; returns the result once the answer is complete, else undefined. May throw. */
  readonly receive: (message: Msg) => T | undefined;
}

/**
 * One connection to NATS with its requests.
 *
 * 1. A request is sent once and never again, so an answer never belongs to an earlier try. The request is answered,
 *    or fails when its time is over or the connection is lost, whichever comes first.
 * 2. While there is no connection a request fails at once, unsent. The client would keep it back and might lose it,
 *    because it drops its outbound buffer when it reconnects.
 * 3. The client reconnects by itself, however long that takes, and also after the server refused its credentials.
 * 4. All answers come through one subscription, and one timer handles all time-outs (`ExpiryQueue`).
 * 5. Requests that are sent in one turn of the event loop leave together, because waking the server costs more than a
 *    message.
 */
export class NatsLink {
  readonly #connection: NatsConnection;
  readonly #options: JetStreamLogOptions;
  readonly #server: string;
  readonly #inbox: string;
  readonly #pending = new Map<number, Request>();
  readonly #expiry: ExpiryQueue<number>;
  #unsent: number[] = [];
  #lastToken = 0;
  #connected = true;
  /** The reason that the server gave last for refusing the connection; empty if there is none. */
  #refusal = "";

  constructor(connection: NatsConnection, server: string, options: JetStreamLogOptions) {
    this.#connection = connection;
    this.#server = server;
    this.#options = options;
    this.#inbox = `${createInbox(options.inboxPrefix)}.`;
    this.#expiry = new ExpiryQueue(options.clock, options.requestTimeoutMs, (token) => this.#timeOut(token));
    connection.subscribe(`${this.#inbox}*`, {
      callback: (error, message) => {
        // An error means that we may not subscribe. `#watch` handles it.
        if (error === null) this.#receive(message);
      },
    });
    void this.#watch();
  }

  get connection(): NatsConnection {
    return this.#connection;
  }

  /** The most bytes of a message, its headers included. The server tells it, and may change it when it restarts. */
  get maxPayload(): number {
    return this.#connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
  }

  /** Sends the request. It ends with its last `take` or with `fail`, in any case. */
  send(request: Request): void {
    if (!this.#connected) {
      const reason = this.#refusal === "" ? "" : `: ${this.#refusal}`;
      return request.fail("unsent", new Error(`there is no connection to ${this.#server} now${reason}`));
    }
    const token = ++this.#lastToken;
    this.#pending.set(token, request);
    this.#expiry.touch(token);
    this.#unsent.push(token);
    if (this.#unsent.length === 1) setImmediate(() => this.#sendAll());
  }

  /** @throws EventLogError: `LOG_UNAVAILABLE`, or what `receive` throws. */
  ask<T>({ subject, payload, doing, receive }: Question<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const take = (message: Msg): boolean => {
        const result = receive(message);
        if (result === undefined) return false;
        resolve(result);
        return true;
      };
      const fail = (_lack: Lack, reason: Error): void => reject(translateError(reason, doing, "read"));
      this.send({ subject, payload, take, fail });
    });
  }

  /** Ends the connection; what is still pending fails. */
  async close(): Promise<void> {
    this.#connected = false;
    this.#failAll("the log is being closed");
    await this.#connection.close();
  }

  /** The client batches messages that are published in the same turn of the event loop into one socket write. */
  #sendAll(): void {
    const tokens = this.#unsent;
    this.#unsent = [];
    for (const token of tokens) {
      const request = this.#pending.get(token);
      if (request === undefined) continue;
      const { subject, payload, headers } = request;
      const reply = `${this.#inbox}${token}`;
      try {
        this.#connection.publish(subject, payload, headers === undefined ? { reply } : { reply, headers });
      } catch (thrown) {
        this.#settle(token)?.fail("refused", toError(thrown));
      }
    }
  }

  #receive(message: Msg): void {
    const token = Number(message.subject.slice(this.#inbox.length));
    const request = this.#pending.get(token);
    if (request === undefined) return;
    try {
      if (request.take(message)) this.#settle(token);
      else this.#expiry.touch(token);
    } catch (thrown) {
      this.#settle(token);
      request.fail("unanswered", toError(thrown));
    }
  }

  #timeOut(token: number): void {
    const text = `no answer from ${this.#server} within ${this.#options.requestTimeoutMs} ms`;
    this.#settle(token)?.fail("unanswered", new Error(text));
  }

  #settle(token: number): Request | undefined {
    const request = this.#pending.get(token);
    this.#pending.delete(token);
    this.#expiry.forget(token);
    return request;
  }

  #failAll(text: string): void {
    const reason = new Error(text);
    for (const token of this.#pending.keys()) this.#settle(token)?.fail("unanswered", reason);
  }

  async #watch(): Promise<void> {
    const { logger } = this.#options;
    const server = this.#server;
    for await (const status of this.#connection.status()) {
      if (status.type === "disconnect") {
        // The client reports this again after each attempt to reconnect that fails.
        if (this.#connected) logger.warn("event log: connection lost", { server });
        this.#connected = false;
        this.#failAll(`the connection to ${server} was lost`);
      } else if (status.type === "reconnect") {
        if (!this.#connected) logger.info("event log: connected again", { server });
        this.#connected = true;
        this.#refusal = "";
      } else if (status.type === "error") {
        const text = refusalText(status.error);
        // A server that refuses the connection reports this at each attempt.
        if (text === "" || text !== this.#refusal) {
          logger.warn("event log: NATS reports an error", { server, error: status.error.message });
        }
        this.#refusal = text;
        this.#refuse(status.error);
      }
    }
    // The client gave up; nothing but opening the log anew helps.
    this.#connected = false;
    this.#failAll(`the connection to ${server} ended`);
  }

  /** The server reports a missing permission as an error of the connection, not as an answer. */
  #refuse(error: Error): void {
    if (!(error instanceof PermissionViolationError)) return;
    const isPublish = error.operation === "publish";
    for (const [token, { subject }] of this.#pending) {
      if (isPublish && subject !== error.subject) continue;
      // Without the subscription answers are lost, but the server may have carried the request out.
      this.#settle(token)?.fail(isPublish ? "refused" : "unanswered", error);
    }
  }
}
