// SPDX-License-Identifier: Apache-2.0

import type { ConsumerConfig, JetStreamManager } from "@nats-io/jetstream";
import { DeliverPolicy, JetStreamApiError, JetStreamError } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";

import type { BackoffOptions } from "../../base/mod.ts";
import { backoffMs, describeError, sleep } from "../../base/mod.ts";
import type { NatsCode } from "../../nats/mod.ts";
import { missingPermission, natsErrorOf } from "../../nats/mod.ts";

import type { Position } from "../event-log.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import { Wakeup } from "../wakeup.ts";
import { managerOf, passingConsumer } from "./consumers.ts";
import type { Source } from "./layout.ts";
import { logError } from "./log-error.ts";
import type { JetStreamLogOptions } from "./options.ts";
import type { FedMessage } from "./pull-feed.ts";
import { FeedBroken, PullFeed } from "./pull-feed.ts";
import type { Origin, Stored } from "./stored.ts";
import { decodeStored } from "./stored.ts";

export interface TailedMessage extends Stored, Origin {}

/**
 * All tails of a log. Each has one pull consumer at a time, whatever the number of entities. The server sends it each
 * new message, whichever process appended it.
 *
 * 1. No message is lost or yielded twice, whatever happens to the connection, the consumer and the server. The tail
 *    keeps its position itself. When a feed breaks (`pull-feed.ts`), a new consumer starts after the position. Only
 *    messages with higher sequences are yielded.
 * 2. A consumer has a unique name, so that it survives a lost connection. It needs no acknowledgements and is kept in
 *    the memory of one server; if it is lost, the tail makes another. The server removes it when its reader has not
 *    asked for anything for a minute. The tail deletes it at the end.
 * 3. A tail retries while the cause may pass: no server, no leader, no answer. It ends with an error when the server
 *    refuses for a lasting reason, and when the stream or a record is damaged.
 * 4. A stream that ends before the position has lost records (I6). The tail then fails with `LOG_CORRUPT`; it never
 *    waits silently for other records.
 */
export class Tails {
  readonly #connection: NatsConnection;
  readonly #options: JetStreamLogOptions;
  readonly #feeds = new Set<PullFeed>();
  readonly #deletions = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  readonly #wakeup = new Wakeup();
  #connected = true;

  constructor(connection: NatsConnection, options: JetStreamLogOptions) {
    this.#connection = connection;
    this.#options = options;
    void this.#watch();
  }

  /** Messages after `from`, also those to come, until the signal aborts or `close` is called. @throws EventLogError */
  async *tail(source: Source, from: Position, signal: AbortSignal): AsyncGenerator<TailedMessage> {
    const { clock, random, telemetry } = this.#options;
    const ending = AbortSignal.any([signal, this.#closing.signal]);
    let position = from;
    let failures = 0;
    while (!ending.aborted) {
      const startedMs = clock.monotonicMs();
      try {
        for await (const { sequence, subject, data } of this.#follow(source, position, ending)) {
          position = sequence;
          const origin = { stream: source.stream, sequence, subject };
          yield { ...origin, ...decodeStored(data, origin) };
          if (ending.aborted) return;
        }
      } catch (thrown) {
        if (ending.aborted) return;
        const doing = `following ${source.stream} ${source.subject}`;
        if (!mayPass(thrown)) throw logError(thrown, doing, "read");
        failures = clock.monotonicMs() - startedMs > PAUSE.maxMs ? 1 : failures + 1;
        const fields = { ...source, position, reason: describeError(thrown) };
        telemetry.logger.warn("event log: a tail begins anew", fields);
        await sleep(clock, backoffMs(failures, PAUSE, random), ending);
      }
      while (!this.#connected && !ending.aborted) await this.#wakeup.wait(CONNECTED, ending);
    }
  }

  /** Ends all tails. Waits until their consumers are deleted or the deletion has failed. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#deletions);
  }

  /** The messages of one consumer. Ends with the signal; throws when a new consumer is needed, or nothing helps. */
  async *#follow(source: Source, after: Position, ending: AbortSignal): AsyncGenerator<FedMessage> {
    const manager = await managerOf(this.#connection, this.#options);
    await this.#checkEnd(manager, source.stream, after, ending);
    const { name } = await manager.consumers.add(source.stream, consumerBehind(after, source.subject));
    const feed = new PullFeed(this.#connection, source.stream, name, this.#options);
    this.#feeds.add(feed);
    const finish = (): void => {
      ending.removeEventListener("abort", finish);
      feed.close();
      if (this.#feeds.delete(feed)) this.#delete(manager, source.stream, name);
    };
    ending.addEventListener("abort", finish);
    try {
      if (ending.aborted) return;
      let last = after;
      for (let message = await feed.next(); message !== undefined; message = await feed.next()) {
        if (message.sequence <= last) continue;
        last = message.sequence;
        yield message;
      }
    } finally {
      finish();
    }
  }

  /** Checks that the stream reaches the position; several times, because a server that lags may answer first. */
  async #checkEnd(
    manager: JetStreamManager,
    stream: string,
    position: Position,
    ending: AbortSignal,
  ): Promise<void> {
    if (position === NO_POSITION) return;
    for (let attempt = 1; !ending.aborted; attempt++) {
      const { state } = await manager.streams.info(stream);
      if (state.last_seq >= position) return;
      if (attempt === MAX_LOOKS) {
        const text =
          `${stream}: it ends at sequence ${state.last_seq}, before ${position}, which was there: it has lost records. ` +
          "Restore it from a newer backup, or follow it from its beginning";
        throw new EventLogError("LOG_CORRUPT", text);
      }
      await sleep(this.#options.clock, backoffMs(attempt, PAUSE, this.#options.random), ending);
    }
  }

  #delete(manager: JetStreamManager, stream: string, name: string): void {
    if (!this.#connected) return;
    // If this does not reach the server, the server removes the consumer later by itself.
    const deletion = manager.consumers.delete(stream, name).catch(() => undefined);
    this.#deletions.add(deletion);
    void deletion.finally(() => this.#deletions.delete(deletion));
  }

  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === "disconnect") {
        this.#connected = false;
        for (const feed of this.#feeds) feed.disconnected();
      } else if (status.type === "reconnect") {
        this.#connected = true;
        for (const feed of this.#feeds) feed.reconnected();
        this.#wakeup.notify(CONNECTED);
      } else if (status.type === "error") {
        const missing = missingPermission(status.error);
        if (missing === undefined) continue;
        for (const feed of this.#feeds) feed.refused(missing.subject, status.error);
      }
    }
  }
}

const CONNECTED = "connected";

/** The pause between a feed that broke and the next one. */
const PAUSE: BackoffOptions = { minMs: 100, maxMs: 5_000, jitter: 0.2 };

/** How often a stream is looked at that seems to end before a position. */
const MAX_LOOKS = 5;

function consumerBehind(position: Position, filter: string): Partial<ConsumerConfig> {
  return {
    ...passingConsumer("tail", filter),
    description: "Perdure: a tail",
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: position + 1,
  };
}

/** No answer, no server that answers, no connection. */
const PASSING: readonly NatsCode[] = ["NATS_NO_ANSWER", "NATS_NO_RESPONDERS"];

const FORBIDDEN: readonly NatsCode[] = ["NATS_MAY_NOT_PUBLISH", "NATS_MAY_NOT_SUBSCRIBE"];

/** False if an operator must correct something before another try can help. */
function mayPass(thrown: unknown): boolean {
  // As in HTTP, codes from 500 on do not blame the request.
  if (thrown instanceof JetStreamApiError) return thrown.apiError().code >= 500;
  if (thrown instanceof FeedBroken) return true;
  const { code } = natsErrorOf(thrown);
  if (thrown instanceof JetStreamError) return !FORBIDDEN.includes(code);
  return PASSING.includes(code);
}
