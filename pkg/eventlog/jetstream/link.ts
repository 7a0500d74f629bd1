// SPDX-License-Identifier: Apache-2.0

import { createInbox, PermissionViolationError } from "@nats-io/transport-node";
import type { Msg, MsgHdrs, NatsConnection } from "@nats-io/transport-node";

import { ExpiryQueue, toError } from "../../base/mod.ts";
import { refusalText, translateError } from "./nats-error.ts";
import type { JetStreamLogOptions } from "./options.ts";

/** What is sent, and waits for its answer. The answer may come in several messages. */
export interface Request {
  readonly subject: string;
  readonly payload: Uint8Array | string;
  readonly headers?: MsgHdrs;
  /** Takes a message of the answer; true if that was the last. May throw. */
  take(message: Msg): boolean;
  /** No (more of an) answer comes. */
  fail(lack: Lack, reason: Error): void;
}

/** Why there is no answer. Only of what is `unanswered` nobody can say whether it had an effect. */
export type Lack = "unsent" | "refused" | "unanswered";

/** A request to read. */
export interface Question<T> {
  readonly subject: string;
  readonly payload: Uint8Array | string;
  /** What is being done and where, for the text of an error. */
  readonly doing: string;
  /** Takes a message of the answer; gives the result once it is whole. May throw. */
  readonly receive: (message: Msg) => T | undefined;
}

/**
 * One connection to NATS with its requests.
 *
 * 1. A request is sent once. It is answered, or fails when the time is over or the connection is lost, whichever
 *    comes first; nothing is sent again, so an answer is never that to an earlier try.
 * 2. While there is no connection a request fails at once, unsent: the client would keep it back and might lose it (its
 *    outbound buffer is dropped when it reconnects).
 * 3. The connection comes back by itself, however long that takes, and also after its credentials were refused.
 * 4. All answers come through one subscription, and all time-outs are one timer's (`ExpiryQueue`).
 * 5. What is sent in one turn of the event loop leaves together: waking the server costs more than a message.
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
  /** What the server said last while it did not let us in. */
  #refusal = "";

  constructor(connection: NatsConnection, server: string, options: JetStreamLogOptions) {
    this.#connection = connection;
    this.#server = server;
    this.#options = options;
    this.#inbox = `${createInbox(options.inboxPrefix)}.`;
    this.#expiry = new ExpiryQueue(options.clock, options.requestTimeoutMs, (token) => this.#timeOut(token));
    connection.subscribe(`${this.#inbox}*`, {
      callback: (error, message) => {
        // Without permission to subscribe there is no message; `#watch` hears of it.
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

  /** Settles the request sooner or later, by its last `take` or by `fail`. */
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

  /** What is published without a pause in between, the client hands to the socket in one write. */
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
        // It comes again after each attempt that is refused.
        if (this.#connected) logger.warn("event log: connection lost", { server });
        this.#connected = false;
        this.#failAll(`the connection to ${server} was lost`);
      } else if (status.type === "reconnect") {
        if (!this.#connected) logger.info("event log: connected again", { server });
        this.#connected = true;
        this.#refusal = "";
      } else if (status.type === "error") {
        const text = refusalText(status.error);
        // A server that does not let us in says so at each attempt.
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

  /** A missing permission is told on its own, not as an answer. */
  #refuse(error: Error): void {
    if (!(error instanceof PermissionViolationError)) return;
    const isPublish = error.operation === "publish";
    for (const [token, { subject }] of this.#pending) {
      if (isPublish && subject !== error.subject) continue;
      // Without the subscription answers are lost, but not what was asked for.
      this.#settle(token)?.fail(isPublish ? "refused" : "unanswered", error);
    }
  }
}
