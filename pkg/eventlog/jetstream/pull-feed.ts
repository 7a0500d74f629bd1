// SPDX-License-Identifier: Apache-2.0

import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import { createInbox, nanos } from "@nats-io/transport-node";

import type { Timer } from "../../base/mod.ts";
import { toError } from "../../base/mod.ts";

import type { RawMessage } from "./answers.ts";
import { saysTooLarge } from "./api-error.ts";
import type { JetStreamLogOptions } from "./options.ts";

export type FedMessage = Pick<RawMessage, "sequence" | "subject" | "data">;

/** This feed cannot continue. A new consumer that starts after the feed's last message can. */
export class FeedBroken extends Error {}

/**
 * The messages of one pull consumer, for one reader.
 *
 * 1. *Whole*: each message is the next one by the consumer's own count, and each heartbeat tells that count. If a
 *    message was lost on its way, the feed is broken, because the server never sends it again (nothing is
 *    acknowledged).
 * 2. *Bounded* (I11): the feed asks for messages when all that came have been taken. So it holds at most
 *    `pageRecords` and `pageBytes` of them, or a single larger one; twice that if the connection was lost meanwhile.
 * 3. *Alive*: while a request is open, the server sends a message or a heartbeat every `tailHeartbeatMs`. After twice
 *    that time in silence the feed asks once more. After the same time again it is broken.
 * 4. A lost connection alone does not break the feed: the consumer has a name, and the feed asks it again.
 */
export class PullFeed {
  readonly #connection: NatsConnection;
  readonly #consumerSubject: string;
  readonly #options: JetStreamLogOptions;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  readonly #arrived: FedMessage[] = [];
  #delivered = 0;
  #request: Request | undefined;
  #lastRequest = 0;
  /** The next message is larger than a page. */
  #oversize = false;
  #silences = 0;
  #heardMs = 0;
  #connected = true;
  #timer: Timer | undefined;
  #ended: Error | "closed" | undefined;
  #wake: (() => void) | undefined;

  constructor(connection: NatsConnection, stream: string, consumer: string, options: JetStreamLogOptions) {
    this.#connection = connection;
    this.#consumerSubject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
    this.#options = options;
    this.#inbox = createInbox(options.inboxPrefix);
    this.#subscription = connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => (error === null ? this.#receive(message) : this.#end(error)),
    });
  }

  /** The next message; undefined after `close`. One call at a time. @throws FeedBroken, or why it was refused. */
  async next(): Promise<FedMessage | undefined> {
    for (;;) {
      if (this.#ended === "closed") return undefined;
      const message = this.#arrived.shift();
      if (message !== undefined) return message;
      if (this.#ended !== undefined) throw this.#ended;
      if (this.#request === undefined) this.#ask();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The feed no longer expects messages or heartbeats until the connection is back. */
  disconnected(): void {
    this.#connected = false;
    this.#timer?.cancel();
  }

  /** Repeats an open request, because the server has forgotten it. */
  reconnected(): void {
    this.#connected = true;
    if (this.#ended === undefined && this.#request !== undefined) this.#ask(AFTER_LOSS_MS);
  }

  /** Ends the feed if `subject`, which the server does not permit, is the one that its requests go to. */
  refused(subject: string, error: Error): void {
    if (subject === this.#consumerSubject) this.#end(error);
  }

  close(): void {
    this.#end("closed");
    this.#arrived.length = 0;
  }

  /** @param firstSignMs A shorter heartbeat, because only a heartbeat shows that the newest messages were lost. */
  #ask(firstSignMs?: number): void {
    const { pageRecords, pageBytes, tailHeartbeatMs, clock } = this.#options;
    const size = this.#oversize ? { batch: 1 } : { batch: pageRecords, max_bytes: pageBytes };
    const heartbeatMs = Math.min(firstSignMs ?? tailHeartbeatMs, tailHeartbeatMs);
    const expiresMs = firstSignMs === undefined ? Math.max(EXPIRES_MS, 2 * heartbeatMs) : 4 * heartbeatMs;
    const payload = { ...size, expires: nanos(expiresMs), idle_heartbeat: nanos(heartbeatMs) };
    const reply = `${this.#inbox}.${++this.#lastRequest}`;
    this.#request = { reply, left: size.batch, oversize: this.#oversize };
    this.#oversize = false;
    if (!this.#connected) return;
    this.#heardMs = clock.monotonicMs();
    this.#watchSilence(2 * tailHeartbeatMs);
    try {
      this.#connection.publish(this.#consumerSubject, JSON.stringify(payload), { reply });
    } catch (thrown) {
      this.#end(toError(thrown));
    }
  }

  #receive(message: Msg): void {
    if (this.#ended !== undefined) return;
    this.#silences = 0;
    this.#heardMs = this.#options.clock.monotonicMs();
    if (message.subject.startsWith(this.#inbox)) this.#status(message);
    else this.#take(message);
  }

  #take(message: Msg): void {
    const { sequence, delivery } = countsOf(message.reply ?? "");
    if (delivery !== this.#delivered + 1) {
      const text = `message ${this.#delivered + 1} of the consumer was lost, ${delivery} has come`;
      return this.#end(new FeedBroken(text));
    }
    this.#delivered = delivery;
    this.#arrived.push({ sequence, subject: message.subject, data: message.data });
    if (this.#request !== undefined && --this.#request.left === 0) this.#request = undefined;
    this.#wake?.();
  }

  #status({ subject, headers }: Msg): void {
    const code = headers?.code ?? 0;
    const description = headers?.description ?? "";
    if (code === HEARTBEAT) return this.#checkCount(Number(headers?.get("Nats-Last-Consumer") ?? 0));
    const request = this.#request;
    // The status of an earlier request is ignored, unless it says that the consumer is gone.
    if (request === undefined) return;
    if (subject !== request.reply && code !== CONFLICT) return;
    const tooLarge = code === CONFLICT && saysTooLarge(description);
    const isOver = code === REQUEST_OVER || code === NO_MESSAGES || tooLarge;
    if (!isOver || (tooLarge && request.oversize)) {
      return this.#end(new FeedBroken(`the consumer is gone or refuses: ${code} ${description}`.trim()));
    }
    if (subject !== request.reply) return;
    this.#oversize = tooLarge && request.left === this.#options.pageRecords;
    this.#request = undefined;
    this.#wake?.();
  }

  /** Messages and heartbeats arrive in the order of sending, so a higher count means lost messages. */
  #checkCount(delivered: number): void {
    if (delivered <= this.#delivered) return;
    this.#end(
      new FeedBroken(`messages up to ${delivered} of the consumer were lost, behind ${this.#delivered}`),
    );
  }

  #watchSilence(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.schedule(delayMs, () => this.#checkSilence());
  }

  #checkSilence(): void {
    if (this.#ended !== undefined || this.#request === undefined) return;
    const boundMs = 2 * this.#options.tailHeartbeatMs;
    const silentMs = this.#options.clock.monotonicMs() - this.#heardMs;
    // Timers may fire a fraction of a millisecond early.
    if (silentMs < boundMs - 1) this.#watchSilence(boundMs - silentMs);
    else if (this.#silences++ === 0) this.#ask();
    else this.#end(new FeedBroken(`nothing was heard of the consumer for ${2 * boundMs} ms`));
  }

  #end(reason: Error | "closed"): void {
    if (this.#ended === undefined || reason === "closed") this.#ended = reason;
    this.#timer?.cancel();
    this.#subscription.unsubscribe();
    this.#wake?.();
  }
}

interface Request {
  readonly reply: string;
  left: number;
  /** It asks for one message, however large. */
  readonly oversize: boolean;
}

/** How long the server keeps a request open before the feed asks again, in milliseconds. */
const EXPIRES_MS = 30_000;

/** Interval of the heartbeats of a request that is repeated after a lost connection, in milliseconds. */
const AFTER_LOSS_MS = 250;

const HEARTBEAT = 100;
const NO_MESSAGES = 404;
const REQUEST_OVER = 408;
const CONFLICT = 409;

/**
 * The message's sequence in its stream and its number by the consumer's count, from the subject that an acknowledgement
 * would go to (ADR-15): `$JS.ACK.[domain.account.]stream.consumer.tries.sequence.number.time.pending[.token]`.
 */
function countsOf(reply: string): { readonly sequence: number; readonly delivery: number } {
  const tokens = reply.split(".");
  const at = tokens.length === 9 ? 5 : 7;
  return { sequence: Number(tokens[at]), delivery: Number(tokens[at + 1]) };
}
