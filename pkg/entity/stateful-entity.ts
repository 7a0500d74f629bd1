// SPDX-License-Identifier: Apache-2.0

import type { Any } from "@bufbuild/protobuf/wkt";

import { assert, BoundedQueue, toError } from "../base/mod.ts";
import type { EntityKey, LogRecord } from "../eventlog/mod.ts";
import { Status, StatusError } from "../grpc/mod.ts";
import type { ClientStream } from "../grpc/mod.ts";
import type { KeptReply } from "../protocol/mod.ts";
import type { EntityService } from "../userfunction/mod.ts";

import type { Delivery } from "./command.ts";
import type { ActiveEntity, EntityContext } from "./context.ts";
import type { EntityProtocol } from "./entity-protocol.ts";
import { brokenStream, entityError, logFailure } from "./failure.ts";
import { advance, checkEnd, ORIGIN, sequencesOf, writeCommit, writeSnapshot } from "./history.ts";
import type { Cursor } from "./history.ts";
import { KeptReplies } from "./kept-replies.ts";
import { answerToRepeat, keptReplyOf } from "./repeat.ts";
import type { Answer, CommitVerdict } from "./verdict.ts";

/**
 * One entity with state in memory: a stream to the user function, a place in the log, and the commands that wait. What
 * it says to the user function, and how it lies in the log, is its kind's (`EntityProtocol`).
 *
 *     activating ──▶ idle ◀──▶ open ──▶ appending
 *         ▲           │          │          │
 *         └───────────┼──────────┴──────────┘  restart: the user function's memory is wrong, replay it
 *                     ▼
 *                passivating ──▶ gone          broken, from anywhere: ──▶ gone
 *
 * 1. (I2) A command is given to the user function only in `idle`, which it leaves by that.
 * 2. (I1) In `appending` the answer is held; it leaves when the append was acknowledged, never before.
 * 3. (I4) Only `appending` has an append in flight, and only one.
 * 4. (I3) After a refused append nothing of this entity's memory is used again: the stream goes, the history is read.
 *    If another writer was faster, nothing was stored, so the command is carried out anew on what is there now, at most
 *    `maxConflictRetries` times; before all that wait, as it came before them.
 * 5. (I6) `idle` is reached only through a history that was whole.
 * 6. (I7) A repeat of a command whose answer is kept gets that answer when its turn comes; the user function does not
 *    see it. Answers come from the log, or were acknowledged by it, and are forgotten when the history is read again.
 * 7. Every delivery is settled exactly once. Waiting ones survive a restart; a break settles them with an error.
 * 8. A stream that was let go of is deaf: what it still says changes nothing.
 */
export class StatefulEntity implements ActiveEntity {
  readonly service: EntityService;
  readonly id: string;
  readonly #context: EntityContext;
  readonly #protocol: EntityProtocol;
  readonly #mailbox: BoundedQueue<Delivery>;
  #state: State = ACTIVATING;
  #stream: ClientStream | undefined;
  #cursor: Cursor = ORIGIN;
  /** Records behind the newest snapshot, of an entity that has a history. */
  #records = 0;
  #lastCommandId = 0n;
  /** Undefined as long as no command had an idempotency key. */
  #kept: KeptReplies | undefined;
  /** Another writer was faster than its append: it is next. */
  #again: Delivery | undefined;

  constructor(context: EntityContext, protocol: EntityProtocol, service: EntityService, id: string) {
    this.#context = context;
    this.#protocol = protocol;
    this.service = service;
    this.id = id;
    this.#mailbox = new BoundedQueue(context.options.mailboxCapacity);
    this.#activate();
  }

  /** Takes a command; the delivery is settled in due course, whatever happens. */
  deliver(delivery: Delivery): void {
    if (this.#state.kind === "idle") {
      if (!this.#isRepeat(delivery)) return this.#open(delivery);
      return this.#context.onIdle(this);
    }
    assert(this.#state.kind !== "gone", "a gone entity gets no commands");
    if (this.#mailbox.push(delivery)) {
      delivery.command.onCancel(() => {
        delivery.abandoned = true;
      });
      return;
    }
    const text = `${this.#name} has ${this.#mailbox.capacity} commands waiting; try again later`;
    delivery.reject(entityError(Status.RESOURCE_EXHAUSTED, "MAILBOX_FULL", text));
  }

  /** Ends an idle entity's stream and, when the user function has ended it too, leaves memory. Else does nothing. */
  passivate(): void {
    if (this.#state.kind !== "idle") return;
    this.#state = PASSIVATING;
    this.#context.onBusy(this);
    const stream = this.#stream;
    assert(stream !== undefined, "an idle entity has a stream");
    stream.end();
    this.#context.retire(stream);
  }

  /** The user function took longer than the relay time-out for the open command. */
  relayTimedOut(): void {
    if (this.#state.kind !== "open") return;
    const timeoutMs = this.#context.options.relayTimeoutMs;
    const text = `the user function did not answer ${this.#name} within ${timeoutMs} ms`;
    this.#state.delivery.reject(entityError(Status.DEADLINE_EXCEEDED, "RELAY_TIMEOUT", text));
    this.#restart();
  }

  get #key(): EntityKey {
    return { type: this.service.persistenceId, id: this.id };
  }

  get #name(): string {
    return `${this.service.persistenceId}/${this.id}`;
  }

  // Activation

  #activate(): void {
    this.#state = ACTIVATING;
    this.#recover().catch((thrown: unknown) => {
      // Its stream broke while the log was read: everybody has been told.
      if (this.#state.kind === "gone") return;
      const error = thrown instanceof StatusError ? thrown : this.#logFailure(thrown);
      // That the user function is gone is said once, by who found it gone, not by each command that still comes.
      const level = error.code === "USER_FUNCTION_UNAVAILABLE" ? "debug" : "error";
      this.#context.logger[level]("entity could not be activated", {
        entity: this.#name,
        error: toError(thrown),
      });
      this.#leave(error, error);
    });
  }

  async #recover(): Promise<void> {
    await this.#context.activations.acquire();
    try {
      await this.#replay();
    } finally {
      this.#context.activations.release();
    }
  }

  async #replay(): Promise<void> {
    let stream: ClientStream | undefined;
    const pages = this.#protocol.recover(this.#context.log, this.service, this.#key);
    let read = 0;
    this.#kept = undefined;
    for await (const { messages, replies, records, cursor } of pages) {
      stream ??= this.#openStream();
      for (const message of messages) stream.send(message);
      for (const reply of replies) this.#keep(reply);
      read += records;
      // The stream may break while the log is read or the user function is slow to take what was sent.
      if (this.#stream !== stream) return;
      if (cursor === undefined) {
        await stream.drained();
        continue;
      }
      checkEnd(this.#cursor, cursor);
      this.#cursor = cursor;
    }
    this.#records = read;
    this.#next();
  }

  #openStream(): ClientStream {
    const stream: ClientStream = this.#context.streams.open(this.#protocol.path, {
      onMessage: (bytes) => {
        if (this.#stream === stream) this.#onMessage(bytes);
      },
      onEnd: (end) => {
        this.#context.retired(stream);
        if (this.#stream === stream) this.#onStreamEnd(end.message);
      },
    });
    this.#stream = stream;
    this.#lastCommandId = 0n;
    return stream;
  }

  // Commands

  /** Opens the next command that somebody still waits for, or goes idle. */
  #next(): void {
    this.#state = IDLE;
    for (let delivery = this.#take(); delivery !== undefined; delivery = this.#take()) {
      const expired = this.#expired(delivery);
      if (expired !== undefined) delivery.reject(expired);
      else if (!this.#isRepeat(delivery)) return this.#open(delivery);
    }
    this.#context.onIdle(this);
  }

  #take(): Delivery | undefined {
    const again = this.#again;
    this.#again = undefined;
    return again ?? this.#mailbox.shift();
  }

  /** Why a command that has waited need not be carried out any more. */
  #expired({ command, abandoned, arrivedMs }: Delivery): StatusError | undefined {
    const nowMs = this.#context.clock.monotonicMs();
    if (abandoned) return entityError(Status.CANCELLED, "CANCELLED", "the caller went away");
    const { relayTimeoutMs } = this.#context.options;
    if (nowMs < Math.min(command.deadlineMs ?? Number.POSITIVE_INFINITY, arrivedMs + relayTimeoutMs))
      return undefined;
    const text = `the command waited ${Math.round(nowMs - arrivedMs)} ms behind others of ${this.#name}`;
    return entityError(Status.DEADLINE_EXCEEDED, "MAILBOX_TIMEOUT", text);
  }

  /** Answers a command that was carried out before. */
  #isRepeat(delivery: Delivery): boolean {
    const answer = answerToRepeat(this.#kept, delivery.command);
    if (answer === undefined) return false;
    settle(delivery, answer);
    return true;
  }

  #keep(reply: KeptReply): void {
    this.#kept ??= new KeptReplies(this.#context.options);
    this.#kept.add(reply);
  }

  #open(delivery: Delivery): void {
    const stream = this.#stream;
    assert(this.#state.kind === "idle" && stream !== undefined, "I2: no other command is open");
    this.#context.onBusy(this);
    this.#lastCommandId++;
    this.#state = { kind: "open", delivery, commandId: this.#lastCommandId };
    this.#context.relayTimeouts.touch(this);
    stream.send(this.#protocol.commandMessage(this.#lastCommandId, delivery.command));
  }

  #onMessage(bytes: Uint8Array): void {
    const state = this.#state;
    const verdict = this.#protocol.judge(bytes, state.kind === "open" ? state.commandId : undefined);
    if (verdict.kind === "broken") return this.#break(verdict.text, verdict.detail);
    assert(state.kind === "open", "only an open command can be answered");
    this.#context.relayTimeouts.forget(this);

    if (verdict.kind === "commit") return this.#append(state.delivery, verdict);
    if (verdict.answer.ok && state.delivery.command.idempotencyKey !== undefined)
      return this.#appendAnswer(state.delivery, verdict);
    if (verdict.complaint !== undefined) this.#complain(verdict.complaint);
    settle(state.delivery, verdict.answer);
    if (verdict.forget) this.#restart();
    else this.#next();
  }

  #append(delivery: Delivery, commit: CommitVerdict): void {
    this.#state = { kind: "appending", delivery };
    const { log, clock } = this.#context;
    const { store } = this.#protocol;
    const answered = keptReplyOf(delivery.command, commit.said);
    const kept = store === "replace" ? this.#kept?.encode() : undefined;
    const bytes = writeCommit(this.#cursor, commit.change, clock.wallMs(), answered, kept);
    log[store](this.#key, this.#cursor.position, bytes).then(
      (position) => {
        if (answered !== undefined) this.#keep(answered);
        this.#onAppended({ position, bytes }, delivery, commit);
      },
      (error: unknown) => this.#onAppendFailed(error, delivery),
    );
  }

  /** (I7) A command with a key that changes nothing leaves a record all the same: a repeat gets this answer. */
  #appendAnswer(delivery: Delivery, { answer, said }: Pick<CommitVerdict, "answer" | "said">): void {
    this.#state = { kind: "appending", delivery };
    this.#protocol.noChange(this.#context.log, this.#key).then(
      (change) => this.#append(delivery, { kind: "commit", change, snapshot: undefined, answer, said }),
      (error: unknown) => this.#onAppendFailed(error, delivery),
    );
  }

  #onAppended(record: LogRecord, delivery: Delivery, { change, snapshot, answer }: CommitVerdict): void {
    this.#cursor = advance(this.#cursor, record, sequencesOf(change));
    this.#records += this.#protocol.store === "append" ? 1 : 0;
    if (snapshot !== undefined) this.#saveSnapshot(snapshot);
    // I1: the record is safe now, so the answer may leave, even if the stream broke meanwhile.
    settle(delivery, answer);
    if (this.#stream === undefined) this.#leave(this.#waiting(), this.#waiting());
    else this.#next();
  }

  #onAppendFailed(error: unknown, delivery: Delivery): void {
    const failure = this.#logFailure(error);
    this.#context.logger.warn("append failed", {
      entity: this.#name,
      code: failure.code,
      error: toError(error),
    });
    const streamLost = this.#stream === undefined;
    if (failure.code === "APPEND_CONFLICT" && !streamLost && this.#mayTryAgain(delivery)) {
      this.#again = delivery;
      return this.#restart();
    }
    // I3: the user function has applied events that are not in the log, so its memory goes before the caller is told.
    if (!streamLost) this.#restart();
    delivery.reject(failure);
    if (streamLost) this.#leave(this.#waiting(), this.#waiting());
  }

  #mayTryAgain(delivery: Delivery): boolean {
    if (delivery.conflicts >= this.#context.options.maxConflictRetries) return false;
    delivery.conflicts++;
    delivery.command.onCancel(() => {
      delivery.abandoned = true;
    });
    return true;
  }

  /** A snapshot only saves time, so nobody waits for it and its failure is only logged. */
  #saveSnapshot(state: Any): void {
    const { log, logger, clock } = this.#context;
    this.#records = 0;
    const bytes = writeSnapshot(this.#cursor, state, clock.wallMs(), this.#kept?.encode());
    log.saveSnapshot(this.#key, this.#cursor.position, bytes).catch((error: unknown) => {
      logger.warn("snapshot was not saved", { entity: this.#name, error: toError(error) });
    });
  }

  // Endings

  /** The user function's memory of the entity is wrong or unknown: replay it. Commands that wait keep their order. */
  #restart(): void {
    this.#context.relayTimeouts.forget(this);
    this.#letGo();
    this.#activate();
  }

  #onStreamEnd(message: string): void {
    this.#stream = undefined;
    if (this.#state.kind !== "passivating") return this.#break(this.#protocol.texts.termination, message);
    if (this.#mailbox.size > 0) return this.#activate();
    this.#gone();
    if (this.#records >= this.#context.options.packRecords) this.#context.packer.add(this.#key);
  }

  /** The stream broke its promise: the open command's caller is told what happened, those who wait that it is over. */
  #break(text: string, detail: string): void {
    // Where nobody is hurt it is no news: a user function that goes takes all its idle entities with it.
    const level = this.#state.kind === "idle" ? "debug" : "warn";
    this.#context.logger[level]("entity stream broke", { entity: this.#name, text, detail });
    if (text !== this.#protocol.texts.termination) this.#complain(`${text}: ${detail}`);
    this.#letGo();
    // An append in flight decides for itself, and then leaves.
    if (this.#state.kind !== "appending") this.#leave(brokenStream(text), this.#waiting());
  }

  #leave(current: StatusError, waiting: StatusError): void {
    const state = this.#state;
    this.#context.relayTimeouts.forget(this);
    this.#letGo();
    const deliveries = [...(this.#again === undefined ? [] : [this.#again]), ...this.#mailbox.drain()];
    this.#again = undefined;
    this.#gone();
    // With no command open, the one that waits longest is whose activation this was.
    const first =
      state.kind === "open" ? state.delivery : state.kind === "activating" ? deliveries.shift() : undefined;
    first?.reject(current);
    for (const delivery of deliveries) delivery.reject(waiting);
  }

  /** What those are told whose command waits while the entity breaks. */
  #waiting(): StatusError {
    return brokenStream(this.#protocol.texts.waiting);
  }

  #letGo(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    this.#stream = undefined;
    stream.end();
    this.#context.retire(stream);
  }

  #logFailure(thrown: unknown): StatusError {
    return logFailure(thrown, this.#name, (position) => this.#context.log.locate(this.#key, position));
  }

  #gone(): void {
    this.#state = GONE;
    this.#context.onGone(this);
  }

  #complain(text: string): void {
    this.#context.reportError(`${this.service.desc.typeName} entity ${this.id}: ${text}`);
  }
}

type State =
  | { readonly kind: "activating" }
  | { readonly kind: "idle" }
  | { readonly kind: "open"; readonly delivery: Delivery; readonly commandId: bigint }
  | { readonly kind: "appending"; readonly delivery: Delivery }
  | { readonly kind: "passivating" }
  | { readonly kind: "gone" };

const ACTIVATING: State = { kind: "activating" };
const IDLE: State = { kind: "idle" };
const PASSIVATING: State = { kind: "passivating" };
const GONE: State = { kind: "gone" };

function settle(delivery: Delivery, answer: Answer): void {
  if (answer.ok) delivery.resolve(answer.reply);
  else delivery.reject(answer.error);
}
