// SPDX-License-Identifier: Apache-2.0

import { connect, createInbox, PermissionViolationError } from "@nats-io/transport-node";
import type { Msg, MsgHdrs, NatsConnection, NodeConnectionOptions } from "@nats-io/transport-node";

import { ExpiryQueue } from "../../base/mod.ts";
import { EventLogError } from "../event-log.ts";
import { translateConnectError, translateError, unanswered } from "./nats-error.ts";
import type { Effect } from "./nats-error.ts";
import type { JetStreamLogOptions } from "./options.ts";

/** One question to the server. Its answer may come in several messages. */
export interface Question<T> {
  readonly subject: string;
  readonly payload: Uint8Array | string;
  readonly headers?: MsgHdrs;
  /** What is being done and where, for the text of an error. */
  readonly doing: string;
  readonly effect: Effect;
  /** Takes a message of the answer; gives the result once it is whole. May throw. */
  readonly receive: (message: Msg) => T | undefined;
}

interface Pending {
  readonly subject: string;
  readonly doing: string;
  readonly effect: Effect;
  /** True: that was the last message of the answer. */
  readonly take: (message: Msg) => boolean;
  readonly fail: (error: EventLogError) => void;
}

/**
 * One connection to NATS with its questions.
 *
 * 1. A question is sent once. It is answered, or fails when the time is over or the connection is lost, whichever
 *    comes first; nothing is sent again, so an answer is never that to an earlier try.
 * 2. While there is no connection a question fails at once with `LOG_UNAVAILABLE`, whatever its effect: the client
 *    would keep it back and might lose it (its outbound buffer is dropped when it reconnects).
 * 3. The connection comes back by itself, however long that takes, and also after its credentials were refused.
 * 4. All answers come through one subscription, and all time-outs are one timer's (`ExpiryQueue`).
 */
export class NatsLink {
  readonly #connection: NatsConnection;
  readonly #options: JetStreamLogOptions;
  readonly #server: string;
  readonly #inbox = `${createInbox()}.`;
  readonly #pending = new Map<string, Pending>();
  readonly #expiry: ExpiryQueue<string>;
  #lastToken = 0;
  #connected = true;

  constructor(connection: NatsConnection, server: string, options: JetStreamLogOptions) {
    this.#connection = connection;
    this.#server = server;
    this.#options = options;
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

  /** @throws EventLogError: `LOG_UNAVAILABLE`, `OUTCOME_UNKNOWN`, or what `receive` throws. */
  ask<T>(question: Question<T>): Promise<T> {
    const { subject, doing, effect, receive } = question;
    if (!this.#connected) {
      const text = `${doing}: there is no connection to ${this.#server} now`;
      return Promise.reject(new EventLogError("LOG_UNAVAILABLE", text));
    }
    const token = `${++this.#lastToken}`;
    const answer = Promise.withResolvers<T>();
    const take = (message: Msg): boolean => {
      const result = receive(message);
      if (result === undefined) return false;
      answer.resolve(result);
      return true;
    };
    this.#pending.set(token, { subject, doing, effect, take, fail: answer.reject });
    this.#expiry.touch(token);
    try {
      const headers = question.headers === undefined ? {} : { headers: question.headers };
      this.#connection.publish(subject, question.payload, { reply: this.#inbox + token, ...headers });
    } catch (thrown) {
      // It was not sent, so its effect is none.
      this.#settle(token)?.fail(translateError(thrown, doing, "read"));
    }
    return answer.promise;
  }

  /** Ends the connection; what is still pending fails. */
  async close(): Promise<void> {
    this.#connected = false;
    this.#failAll("the log is being closed");
    await this.#connection.close();
  }

  #receive(message: Msg): void {
    const token = message.subject.slice(this.#inbox.length);
    const pending = this.#pending.get(token);
    if (pending === undefined) return;
    try {
      if (pending.take(message)) this.#settle(token);
      else this.#expiry.touch(token);
    } catch (thrown) {
      this.#settle(token);
      pending.fail(translateError(thrown, pending.doing, pending.effect));
    }
  }

  #timeOut(token: string): void {
    const pending = this.#settle(token);
    const reason = `no answer from ${this.#server} within ${this.#options.requestTimeoutMs} ms`;
    pending?.fail(unanswered(pending.doing, pending.effect, reason));
  }

  #settle(token: string): Pending | undefined {
    const pending = this.#pending.get(token);
    this.#pending.delete(token);
    this.#expiry.forget(token);
    return pending;
  }

  #failAll(reason: string): void {
    for (const token of this.#pending.keys()) {
      const pending = this.#settle(token);
      pending?.fail(unanswered(pending.doing, pending.effect, reason));
    }
  }

  async #watch(): Promise<void> {
    const { logger } = this.#options;
    const server = this.#server;
    for await (const status of this.#connection.status()) {
      if (status.type === "disconnect") {
        this.#connected = false;
        logger.warn("event log: connection lost", { server });
        this.#failAll(`the connection to ${server} was lost`);
      } else if (status.type === "reconnect") {
        this.#connected = true;
        logger.info("event log: connected again", { server });
      } else if (status.type === "error") {
        logger.warn("event log: NATS reports an error", { server, error: status.error.message });
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
    for (const [token, { subject, doing, effect, fail }] of this.#pending) {
      if (error.operation === "publish" && subject !== error.subject) continue;
      this.#settle(token);
      // Without the subscription answers are lost, but not what was asked for.
      fail(
        error.operation === "publish"
          ? translateError(error, doing, effect)
          : unanswered(doing, effect, error.message, error),
      );
    }
  }
}

/** @throws EventLogError `LOG_UNAVAILABLE` */
export async function connectLink(
  server: string,
  name: string,
  options: JetStreamLogOptions,
): Promise<NatsLink> {
  try {
    const connection = await connect({
      servers: [server],
      name,
      timeout: options.connectTimeoutMs,
      maxReconnectAttempts: -1,
      reconnectTimeWait: options.reconnectDelayMs,
      ignoreAuthErrorAbort: true,
      pingInterval: options.pingIntervalMs,
      maxPingOut: 2,
      // Stacks of requests that went well are the dearest part of them.
      noAsyncTraces: true,
      ...identity(options),
    });
    return new NatsLink(connection, server, options);
  } catch (thrown) {
    throw translateConnectError(thrown, server);
  }
}

function identity({ credentials }: JetStreamLogOptions): NodeConnectionOptions {
  switch (credentials.kind) {
    case "none":
      return {};
    case "password":
      return { user: credentials.user, pass: credentials.password };
    case "token":
      return { token: credentials.token };
  }
}
