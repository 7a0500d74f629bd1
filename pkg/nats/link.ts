// SPDX-License-Identifier: Apache-2.0

import type { Msg, MsgHdrs, NatsConnection } from "@nats-io/transport-node";
import { createInbox } from "@nats-io/transport-node";

import { ExpiryQueue, toError } from "../base/mod.ts";

import { missingPermission, natsErrorOf, notSentError, refusalText } from "./client-error.ts";
import { NatsError } from "./nats-error.ts";
import type { NatsOptions, NatsTarget } from "./options.ts";

/** A request, and what handles its answer. The answer may come in several messages. */
export interface NatsRequest {
  readonly subject: string;
  readonly payload: Uint8Array | string;
  readonly headers?: MsgHdrs;
  /**
   * Handles one message of the answer; returns true if it was the last. May throw. If nobody subscribes to the subject,
   * the server itself answers (`isNoResponder`).
   */
  take(message: Msg): boolean;
  /**
   * Called if no answer comes, or no more of it, with a `NatsError` or what `take` threw. `natsErrorOf` makes a
   * `NatsError` of both, whose code tells whether the request may have been carried out.
   */
  fail(reason: Error): void;
}

/** A request whose answer becomes a value. */
export interface Question<T> extends Pick<NatsRequest, "subject" | "payload"> {
  /** Handles one message of the answer; returns the result once the answer is complete, else undefined. May throw. */
  readonly receive: (message: Msg) => T | undefined;
}

/** What was not permitted so long ago, in milliseconds, and was not tried since, may be permitted now. */
const REFUSED_FOR_MS = 10_000;

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
  readonly connection: NatsConnection;
  readonly #options: NatsOptions;
  readonly #target: NatsTarget;
  readonly #inbox: string;
  readonly #pending = new Map<number, NatsRequest>();
  readonly #expiry: ExpiryQueue<number>;
  readonly #onConnected = new Set<() => void>();
  #unsent: number[] = [];
  #lastToken = 0;
  #connected = true;
  readonly #lossListeners = new Set<() => void>();
  /** The reason that the server gave last for refusing the connection; empty if there is none. */
  #refusal = "";
  /** Of those that are missing, a permission to subscribe and the last one to publish. */
  #notSubscribed: NatsError | undefined;
  #notPublished: { readonly error: NatsError; readonly atMs: number } | undefined;

  constructor(connection: NatsConnection, target: NatsTarget, options: NatsOptions) {
    this.connection = connection;
    this.#target = target;
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

  /** The most bytes of a message, its headers included. The server tells it, and may change it when it restarts. */
  get maxPayload(): number {
    return this.connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
  }

  /** The longest pause between two attempts to connect again, in milliseconds. */
  get longestReconnectPauseMs(): number {
    return this.#options.reconnectDelayMs + this.#options.reconnectJitterMs;
  }

  /** Whether there is a connection now. What is published without one is kept back, and may get lost (2). */
  get isConnected(): boolean {
    return this.#connected;
  }

  /**
   * Names a permission that the user lacks, as far as the server has said: to subscribe, which lasts as long as the
   * connection, or to publish something that was tried a few seconds ago.
   */
  get lacks(): NatsError | undefined {
    if (this.#notSubscribed !== undefined || this.#notPublished === undefined) return this.#notSubscribed;
    const { error, atMs } = this.#notPublished;
    return this.#options.clock.monotonicMs() - atMs < REFUSED_FOR_MS ? error : undefined;
  }

  /**
   * Calls the listener each time that the connection is lost or ends, for those who publish by themselves: answers that
   * they wait for may be lost with it. Gives a function that ends this.
   */
  onLost(listener: () => void): () => void {
    this.#lossListeners.add(listener);
    return () => void this.#lossListeners.delete(listener);
  }

  /** Sends the request. It ends with its last `take` or with `fail`, in any case. */
  send(request: NatsRequest): void {
    if (!this.#connected) {
      const reason = this.#refusal === "" ? "" : `: ${this.#refusal}`;
      const text = `there is no connection to ${this.#target.server} now${reason}`;
      return request.fail(new NatsError("NATS_NOT_CONNECTED", text));
    }
    const token = ++this.#lastToken;
    this.#pending.set(token, request);
    this.#expiry.touch(token);
    this.#unsent.push(token);
    if (this.#unsent.length === 1) setImmediate(() => this.#sendAll());
  }

  /** @throws NatsError, or what `receive` throws. */
  ask<T>({ subject, payload, receive }: Question<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const take = (message: Msg): boolean => {
        const result = receive(message);
        if (result === undefined) return false;
        resolve(result);
        return true;
      };
      this.send({ subject, payload, take, fail: reject });
    });
  }

  /**
   * Sends a message whose answer, if any, comes to whoever has subscribed to `reply`. Without a connection it is lost,
   * and nobody is told.
   */
  publish(subject: string, payload: Uint8Array | string, reply?: string): void {
    if (!this.#connected) return;
    try {
      this.connection.publish(subject, payload, reply === undefined ? {} : { reply });
    } catch {
      // The connection has ended since.
    }
  }

  /** Calls `action` each time that a lost connection is there again. Returns a function that ends this. */
  onConnected(action: () => void): () => void {
    this.#onConnected.add(action);
    return () => void this.#onConnected.delete(action);
  }

  /** Ends the connection. Requests that are pending fail; `reason` is the text of their error. */
  async close(reason = "the connection is being closed"): Promise<void> {
    this.#lose(reason);
    await this.connection.close();
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
        this.connection.publish(subject, payload, headers === undefined ? { reply } : { reply, headers });
      } catch (thrown) {
        this.#settle(token)?.fail(notSentError(thrown));
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
      request.fail(toError(thrown));
    }
  }

  #timeOut(token: number): void {
    const text = `no answer from ${this.#target.server} within ${this.#options.requestTimeoutMs} ms`;
    this.#settle(token)?.fail(new NatsError("NATS_NO_ANSWER", text));
  }

  #settle(token: number): NatsRequest | undefined {
    const request = this.#pending.get(token);
    this.#pending.delete(token);
    this.#expiry.forget(token);
    return request;
  }

  #failAll(text: string): void {
    const reason = new NatsError("NATS_NO_ANSWER", text);
    for (const token of this.#pending.keys()) this.#settle(token)?.fail(reason);
  }

  async #watch(): Promise<void> {
    const { logger } = this.#options.telemetry;
    const { server, purpose } = this.#target;
    for await (const status of this.connection.status()) {
      if (status.type === "disconnect") {
        // The client reports this again after each attempt to reconnect that fails.
        if (this.#connected) logger.warn("NATS: connection lost", { of: purpose, server });
        this.#lose(`the connection to ${server} was lost`);
      } else if (status.type === "reconnect") {
        if (!this.#connected) logger.info("NATS: connected again", { of: purpose, server });
        this.#connected = true;
        this.#refusal = "";
        this.#notSubscribed = undefined;
        this.#notPublished = undefined;
        for (const action of this.#onConnected) action();
      } else if (status.type === "error") {
        const text = refusalText(status.error);
        // A server that refuses the connection reports this at each attempt.
        if (text === "" || text !== this.#refusal) {
          logger.warn("NATS: the connection reports an error", {
            of: purpose,
            server,
            error: status.error.message,
          });
        }
        this.#refusal = text;
        this.#refuse(status.error);
      }
    }
    // The client gave up. Only a new connection helps.
    this.#lose(`the connection to ${server} ended`);
  }

  #lose(text: string): void {
    const wasConnected = this.#connected;
    this.#connected = false;
    this.#failAll(text);
    if (wasConnected) for (const listener of this.#lossListeners) listener();
  }

  /** The server reports a missing permission as an error of the connection, not as an answer. */
  #refuse(error: Error): void {
    const missing = missingPermission(error);
    if (missing === undefined) return;
    const reason = natsErrorOf(error);
    if (missing.operation === "subscribe") this.#notSubscribed = reason;
    else this.#notPublished = { error: reason, atMs: this.#options.clock.monotonicMs() };
    for (const [token, { subject }] of this.#pending) {
      // Without the subscription no answer arrives, whatever the subject of the request.
      if (missing.operation === "subscribe" || subject === missing.subject) this.#settle(token)?.fail(reason);
    }
  }
}
