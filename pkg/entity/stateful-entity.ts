// SPDX-License-Identifier: Apache-2.0

import { assert, BoundedQueue, toError } from "../base/mod.ts";
import type { EntityKey } from "../eventlog/mod.ts";
import { Status, StatusError } from "../grpc/mod.ts";
import type { CallEnd, ClientStream } from "../grpc/mod.ts";
import type { SideEffectMessage } from "../protocol/mod.ts";
import type { EntityService, WatchedStream } from "../userfunction/mod.ts";

import { expiredWaiting, settle } from "./command.ts";
import type { Delivery } from "./command.ts";
import type { ActiveEntity, EntityContext } from "./context.ts";
import { CountedReads } from "./counted-reads.ts";
import { EntityJournal, NO_NEWS } from "./entity-journal.ts";
import type { EntityProtocol } from "./entity-protocol.ts";
import { ACTIVATING, GONE, IDLE, MARKING, PASSIVATING } from "./entity-state.ts";
import type { EntityState } from "./entity-state.ts";
import { answerRefused, brokenStream, entityError, logFailure } from "./failure.ts";
import { bytesOf } from "./effect-ledger.ts";
import { LargeAnswers } from "./large-answers.ts";
import { descend } from "./lineage.ts";
import type { Lineage } from "./lineage.ts";
import { NO_EFFECTS } from "./outcome.ts";
import { answerToRepeat, keptReplyOf } from "./repeat.ts";
import { refusalByEnd, refusalByFailure } from "./snapshot-use.ts";
import type { SnapshotRefusal } from "./snapshot-use.ts";
import { keepAnswer } from "./verdict.ts";
import type { CommitVerdict, Verdict } from "./verdict.ts";

/**
 * An entity with undone side effects may be busy with them for long, and cannot leave memory meanwhile: so many have to
 * find room in `maxEntityBytes` together, whatever theirs take.
 */
const MIN_BUSY_ENTITIES = 4;

/**
 * One entity with state in memory: a stream to the user function, a place in the log, and the commands that wait. What
 * it says to the user function, and how it lies in the log, is its kind's (`EntityProtocol`).
 *
 *     activating ──▶ idle ◀──▶ open ──▶ appending
 *         ▲           │ ▲        │          │
 *         │           │ └──▶ marking        │
 *         └───────────┼──────────┴──────────┘  restart: the user function's memory is wrong, replay it
 *                     ▼
 *                passivating ──▶ gone          broken, from anywhere: ──▶ gone
 *
 * 1. (I2) A command is given to the user function only in `idle`, which it leaves by that.
 * 2. (I1) In `appending` the answer is held; it leaves when the append was acknowledged, never before.
 * 3. (I4) Only `appending` and `marking` have an append in flight, and only one.
 * 4. (I3) After a refused append nothing of this entity's memory is used again: the stream goes, the history is read.
 *    If another writer was faster, nothing was stored, so the command is carried out anew on what is there now, at most
 *    `maxConflictRetries` times; before all that wait, as it came before them.
 * 5. (I6) `idle` is reached only through a history that was whole.
 * 6. (I7) A repeat of a command whose answer is kept gets that answer when its turn comes; the user function does not
 *    see it, and its side effects do not happen again. A refusal for good is such an answer.
 * 7. Every delivery is settled exactly once. Waiting ones survive a restart; a break settles them with an error.
 * 8. A stream that was let go of is deaf: what it still says changes nothing.
 * 9. (I11) An answer is taken from its caller's memory before anything of it is stored. Where there is no memory for it,
 *    the caller is refused, and the user function's state replayed if the answer has changed it. Where there is none for one
 *    like the last one, the user function is not asked.
 * 10. Side effects are numbered and stored with their command's record, and only then carried out (I1). Each record tells
 *    which are done by then; if none comes for a while, and before the entity leaves, one without a change does
 *    (`marking`). Those of which no record tells it are carried out again whenever the history has been read.
 * 11. (I11) A command that asks for more than may follow from it (`Lineage`), or for more side effects than may wait, is
 *     refused, and nothing of it is stored.
 * 12. If the user function gives up a stream that began with a snapshot before it has said anything about a command, the
 *     entity is replayed once more, from its events alone. A command that was open is given to it again: what refuses the
 *     first message of a stream has not seen the later ones.
 * 13. A stream speaks for one service. Before a command of another service with the same persistence id, the stream is let
 *     go and the history told on one of that service, so that both see one state.
 */
export class StatefulEntity implements ActiveEntity {
  readonly id: string;
  /** The one that the stream speaks for. */
  #service: EntityService;
  readonly #context: EntityContext;
  readonly #protocol: EntityProtocol;
  readonly #mailbox: BoundedQueue<Delivery>;
  readonly #journal: EntityJournal;
  #state: EntityState = ACTIVATING;
  #stream: ClientStream | undefined;
  /** The same stream, as the one who counts the user function's streams knows it. */
  #watched: WatchedStream | undefined;
  #lastCommandId = 0n;
  /** Waits for the end of the activation. */
  #onActive: (() => void) | undefined;
  readonly #largeAnswers = new LargeAnswers();
  /** Another writer was faster than its append, its stream was refused (12) or has to be another one (13): it is next. */
  #again: Delivery | undefined;
  /** Of the snapshot that the stream began with, in bytes, while the user function has said nothing on it; else 0. */
  #offeredBytes = 0;
  /** Why the entity is replayed without its snapshot, while the user function has said nothing. */
  #refusal: SnapshotRefusal | undefined;

  constructor(context: EntityContext, protocol: EntityProtocol, service: EntityService, id: string) {
    this.#context = context;
    this.#protocol = protocol;
    this.#service = service;
    this.id = id;
    this.#mailbox = new BoundedQueue(context.options.mailboxCapacity);
    this.#journal = new EntityJournal(context, protocol, this.#key, this);
    this.#activate();
  }

  /** Takes a command; the delivery is settled in due course, whatever happens. */
  deliver(delivery: Delivery): void {
    if (this.#state.kind === "idle") {
      if (!this.#isRepeat(delivery)) return this.#open(delivery);
      return this.#context.onIdle(this);
    }
    assert(this.#state.kind !== "gone", "a gone entity gets no commands");
    if (this.#mailbox.push(delivery)) return this.#await(delivery);
    const text = `${this.#name} has ${this.#mailbox.capacity} commands waiting; try again later`;
    delivery.reject(entityError(Status.RESOURCE_EXHAUSTED, "MAILBOX_FULL", text));
  }

  /** Ends an idle entity's stream and, when the user function has ended it too, leaves memory. Else does nothing. */
  passivate(): void {
    if (this.#state.kind !== "idle") return;
    if (this.#journal.isMarked) this.#endStream();
    else this.#mark(true);
  }

  /** Tells the log which side effects are done, if the entity is idle and the log does not know it. */
  markEffects(): void {
    if (this.#state.kind === "idle" && !this.#journal.isMarked) this.#mark(false);
  }

  /** A side effect is done, or was given up for now. */
  effectEnded(): void {
    if (this.#state.kind === "idle" && !this.#journal.isMarked) this.#context.marks.touch(this);
  }

  /** Has the side effects carried out that are not done and not under way. Calls back when that has begun, or cannot. */
  carryOutEffects(onBegun: () => void): void {
    if (this.#state.kind === "activating") {
      this.#onActive = onBegun;
      return;
    }
    if (this.#state.kind !== "passivating") this.#journal.effects.carryOutAgain(this.#fullName);
    onBegun();
  }

  /** The user function took longer than the relay time-out for the open command. */
  relayTimedOut(): void {
    if (this.#state.kind !== "open") return;
    const timeoutMs = this.#context.options.relayTimeoutMs;
    const text = `the user function did not answer ${this.#name} within ${timeoutMs} ms`;
    this.#state.delivery.reject(entityError(Status.DEADLINE_EXCEEDED, "RELAY_TIMEOUT", text));
    this.#restart();
  }

  /** Whose commands it was given last. */
  get service(): EntityService {
    return this.#service;
  }

  get #key(): EntityKey {
    return { type: this.service.persistenceId, id: this.id };
  }

  /** For the user function's developer. */
  get #fullName(): string {
    return `${this.service.desc.typeName} entity ${this.id}`;
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
      // That the user function is gone, or busy, is said once, by who found it so, not by each command that still comes.
      const level = error.code.startsWith("USER_FUNCTION_") ? "debug" : "error";
      this.#context.logger[level]("entity could not be activated", {
        entity: this.#name,
        error: toError(thrown),
      });
      this.#leave(error, error);
    });
  }

  async #recover(): Promise<void> {
    const { activations, clock, logger } = this.#context;
    const sinceMs = clock.monotonicMs();
    await activations.acquire();
    try {
      await this.#replay();
      const ms = Math.round(clock.monotonicMs() - sinceMs);
      logger.debug("entity activated", { entity: this.#name, ms });
    } finally {
      this.#context.activations.release();
    }
  }

  async #replay(): Promise<void> {
    const reads = new CountedReads(this.#context.log, this.#context.activationMemory);
    try {
      let isWhole: boolean;
      // (12) A refused stream leaves the entity activating, a broken one does not.
      do isWhole = await this.#replayFrom(reads);
      while (!isWhole && this.#state.kind === "activating");
    } finally {
      reads.close();
    }
  }

  /** False if the stream was lost before its end. */
  async #replayFrom(reads: CountedReads): Promise<boolean> {
    let stream: ClientStream | undefined;
    const { snapshots } = this.#context;
    const isRefused = this.#refusal !== undefined;
    const pages = this.#protocol.recover(
      reads,
      this.service,
      this.#key,
      (snapshot) => !isRefused && snapshots.mayUse(this.service, snapshot),
    );
    this.#journal.reset();
    for await (const page of pages) {
      if (stream === undefined) {
        stream = await this.#openStream();
        if (this.#stream !== stream) return false;
        this.#offeredBytes = page.snapshotBytes;
      }
      for (const message of page.messages) stream.send(message);
      this.#journal.read(page);
      // The stream may break while the log is read or the user function is slow to take what was sent.
      if (this.#stream !== stream) return false;
      if (page.cursor === undefined) await stream.drained();
    }
    this.#journal.effects.carryOutAgain(this.#fullName);
    this.#onActive?.();
    this.#onActive = undefined;
    this.#next();
    return true;
  }

  #openStream(): ClientStream | Promise<ClientStream> {
    const { streams } = this.#context;
    return streams.withRoom(() => {
      const watched: WatchedStream = {
        isHeard: false,
        refuse: (error) => {
          if (this.#stream === stream) this.#refuseStream(error);
        },
      };
      const stream: ClientStream = streams.open(this.#protocol.path, {
        onMessage: (bytes) => {
          if (this.#stream !== stream) return;
          if (!watched.isHeard) streams.heard(watched);
          this.#onMessage(bytes);
        },
        onEnd: (end) => {
          streams.over(watched);
          this.#context.retired(stream);
          if (this.#stream === stream) this.#onStreamEnd(end);
        },
      });
      this.#stream = stream;
      this.#watched = watched;
      this.#lastCommandId = 0n;
      return stream;
    });
  }

  /** The user function has no room for the stream, and never said a word on it. */
  #refuseStream(error: StatusError): void {
    const stream = this.#stream;
    this.#leave(error, error);
    stream?.cancel();
  }

  // Commands

  /** Opens the next command that somebody still waits for, or goes idle. */
  #next(): void {
    this.#state = IDLE;
    const { clock, options } = this.#context;
    for (let delivery = this.#take(); delivery !== undefined; delivery = this.#take()) {
      const expired = expiredWaiting(delivery, clock.monotonicMs(), options.relayTimeoutMs, this.#name);
      if (expired !== undefined) delivery.reject(expired);
      else if (this.#hasNoRoom(delivery)) delivery.reject(answerRefused());
      else if (!this.#isRepeat(delivery)) return this.#open(delivery);
    }
    if (!this.#journal.isMarked) this.#context.marks.touch(this);
    this.#context.onIdle(this);
  }

  #take(): Delivery | undefined {
    const again = this.#again;
    this.#again = undefined;
    return again ?? this.#mailbox.shift();
  }

  /** Answers a command that was carried out before. */
  #isRepeat(delivery: Delivery): boolean {
    const answer = answerToRepeat(this.#journal.replies, delivery.command);
    if (answer === undefined) return false;
    settle(delivery, answer);
    return true;
  }

  #open(delivery: Delivery): void {
    const stream = this.#stream;
    assert(this.#state.kind === "idle" && stream !== undefined, "I2: no other command is open");
    this.#context.onBusy(this);
    const { service } = delivery.command.method;
    if (service !== this.#service && service.desc.typeName !== this.#service.desc.typeName)
      return this.#turnTo(service, delivery);
    this.#lastCommandId++;
    this.#state = { kind: "open", delivery, commandId: this.#lastCommandId };
    this.#context.relayTimeouts.touch(this);
    stream.send(this.#protocol.commandMessage(this.#lastCommandId, delivery.command));
    if (this.#watched?.isHeard === false) this.#context.streams.asked(this.#watched);
  }

  /** (13) */
  #turnTo(service: EntityService, delivery: Delivery): void {
    this.#service = service;
    this.#again = delivery;
    this.#await(delivery);
    this.#restart();
  }

  #onMessage(bytes: Uint8Array): void {
    const state = this.#state;
    const openCommandId = state.kind === "open" ? state.commandId : undefined;
    const { maxMessageFields } = this.#context.options;
    const verdict = this.#protocol.judge(bytes, openCommandId, maxMessageFields, this.service.extensions);
    if (verdict.kind === "broken") {
      const { text, detail, isTold, ofNoCommand } = verdict;
      const refusal = ofNoCommand === true ? refusalByFailure(this.#offered, detail) : undefined;
      return refusal === undefined ? this.#break(text, detail, isTold) : this.#replayWithoutSnapshot(refusal);
    }
    assert(state.kind === "open", "only an open command can be answered");
    this.#offeredBytes = 0;
    if (this.#refusal !== undefined) this.#noteRefusal(this.#refusal);
    this.#context.relayTimeouts.forget(this);

    this.#largeAnswers.note(state.delivery.command.method, bytes.length);
    if (!state.delivery.command.call.bytes.take(bytes.length)) return this.#refuse(state.delivery, verdict);
    if (verdict.kind === "commit") return this.#commit(state.delivery, verdict);
    if (state.delivery.command.call.idempotencyKey !== undefined) {
      // (I7) One that changes nothing leaves a record all the same: a repeat gets this answer.
      const kept = keepAnswer(verdict);
      if (kept !== undefined) return this.#commit(state.delivery, kept);
    }
    if (verdict.complaint !== undefined) this.#complain(verdict.complaint);
    settle(state.delivery, verdict.answer);
    if (verdict.forget) this.#restart();
    else this.#next();
  }

  /** (9) */
  #hasNoRoom({ command }: Delivery): boolean {
    const expected = this.#largeAnswers.expected(command.method);
    return expected > 0 && expected > command.call.bytes.available;
  }

  /** (9) */
  #refuse(delivery: Delivery, verdict: Exclude<Verdict, { kind: "broken" }>): void {
    delivery.reject(answerRefused());
    if (verdict.kind === "commit" ? verdict.change !== undefined : verdict.forget) this.#restart();
    else this.#next();
  }

  #commit(
    delivery: Delivery,
    { change, snapshot, effects: asked, outcome, said, forget }: CommitVerdict,
  ): void {
    const { effects } = this.#journal;
    const count = asked.length;
    const lineage = this.#admit(delivery, asked, outcome.kind === "forward" ? 1 : 0);
    if (lineage instanceof StatusError) {
      delivery.reject(lineage);
      // The user function has applied the change to its own state.
      return change === undefined ? this.#next() : this.#restart();
    }
    this.#state = { kind: "appending", delivery };
    const onStored = (firstEffect: number): void => {
      if (snapshot !== undefined && this.#context.snapshots.mayStore(this.service, snapshot)) {
        this.#journal.saveSnapshot(snapshot, this.service.snapshotVersion);
      }
      this.#context.onStored?.(delivery.command, change);
      // I1: the record is safe now, so answer and effects may leave, even if the stream broke meanwhile.
      if (outcome.kind === "failure") delivery.reject(outcome.error);
      else if (lineage === undefined) delivery.resolve(outcome);
      else {
        const begun = count > 0 ? effects.begin(firstEffect) : NO_EFFECTS;
        delivery.resolve({ ...outcome, lineage, effects: begun });
      }
      if (this.#stream === undefined) this.#leave(this.#waiting(), this.#waiting());
      else if (forget) this.#restart();
      else this.#next();
    };
    const answered = keptReplyOf(delivery.command, said, lineage);
    this.#journal.append({ change, effects: asked, lineage, answered }, onStored, (error) =>
      this.#onAppendFailed(error, delivery),
    );
  }

  /** The lineage of so many side effects and forwards; or why there may not be as many (10). */
  #admit(
    { command }: Delivery,
    effects: readonly SideEffectMessage[],
    forwards: number,
  ): Lineage | StatusError | undefined {
    if (effects.length + forwards === 0) return undefined;
    const { options, random } = this.#context;
    const lineage = descend(command.lineage, effects.length + forwards, options, random);
    if (lineage instanceof StatusError || effects.length === 0) return lineage;
    const { maxUndoneEffects, maxEntityBytes } = options;
    const { undone, undoneBytes } = this.#journal.effects.ledger;
    const maxBytes = Math.floor(maxEntityBytes / MIN_BUSY_ENTITIES);
    const isWithin =
      undone + effects.length <= maxUndoneEffects && undoneBytes + bytesOf(effects) <= maxBytes;
    if (isWithin) return lineage;
    const text = `${this.#name} would have more than ${maxUndoneEffects} side effects that are not done, or ${maxBytes} bytes of them`;
    return entityError(Status.RESOURCE_EXHAUSTED, "TOO_MANY_EFFECTS", text);
  }

  #onAppendFailed(error: unknown, delivery: Delivery): void {
    const failure = this.#appendFailure(error);
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

  #appendFailure(error: unknown): StatusError {
    const failure = this.#logFailure(error);
    this.#context.logger.warn("append failed", {
      entity: this.#name,
      code: failure.code,
      error: toError(error),
    });
    return failure;
  }

  #mayTryAgain(delivery: Delivery): boolean {
    if (delivery.conflicts >= this.#context.options.maxConflictRetries) return false;
    delivery.conflicts++;
    this.#await(delivery);
    return true;
  }

  /** It waits from now on, as long as its caller does. */
  #await(delivery: Delivery): void {
    delivery.command.call.onCancel(() => {
      delivery.abandoned = true;
    });
  }

  /** A record that says which side effects are done, and nothing else. */
  #mark(isLeaving: boolean): void {
    this.#context.onBusy(this);
    this.#state = MARKING;
    const goOn = (): void => {
      if (this.#stream === undefined) this.#leave(this.#waiting(), this.#waiting());
      else if (isLeaving && this.#mailbox.size === 0) this.#endStream();
      else this.#next();
    };
    this.#journal.append(NO_NEWS, goOn, (error) => {
      const { code } = this.#appendFailure(error);
      // I3, I5: the cursor is wrong, or may be.
      const isLost = code === "APPEND_CONFLICT" || code === "OUTCOME_UNKNOWN";
      if (isLost && this.#stream !== undefined) this.#restart();
      else goOn();
    });
  }

  // Endings

  /** The user function's memory of the entity is wrong or unknown: replay it. Commands that wait keep their order. */
  #restart(): void {
    this.#context.relayTimeouts.forget(this);
    this.#letGo();
    this.#activate();
  }

  /** (12) Of the snapshot that may be to blame, in bytes; an append that is under way decides for itself. */
  get #offered(): number {
    return this.#state.kind === "marking" ? 0 : this.#offeredBytes;
  }

  /** (12) */
  #replayWithoutSnapshot(refusal: SnapshotRefusal): void {
    const state = this.#state;
    this.#refusal = refusal;
    this.#offeredBytes = 0;
    if (state.kind === "idle") this.#context.onBusy(this);
    if (state.kind === "open") {
      this.#again = state.delivery;
      this.#await(state.delivery);
    }
    // An activation that is under way notices that its stream is gone.
    if (state.kind === "activating") this.#letGo();
    else this.#restart();
  }

  /** The user function went on without the snapshot. */
  #noteRefusal(refusal: SnapshotRefusal): void {
    this.#refusal = undefined;
    this.#context.snapshots.refused(this.service, this.id, refusal);
  }

  #endStream(): void {
    this.#state = PASSIVATING;
    this.#context.onBusy(this);
    const stream = this.#stream;
    assert(stream !== undefined, "an idle entity has a stream");
    this.#release(stream);
  }

  /** The user function is asked to end the stream; it may go on to the next one before its end is heard. */
  #release(stream: ClientStream): void {
    if (this.#watched !== undefined) this.#context.streams.over(this.#watched);
    stream.end();
    this.#context.retire(stream);
  }

  #onStreamEnd(end: CallEnd): void {
    this.#stream = undefined;
    if (this.#state.kind !== "passivating") {
      const refusal = refusalByEnd(this.#offered, end);
      if (refusal !== undefined) return this.#replayWithoutSnapshot(refusal);
      return this.#break(this.#protocol.texts.termination, end.message);
    }
    if (this.#mailbox.size > 0) return this.#activate();
    this.#gone();
    if (this.#journal.records >= this.#context.options.packRecords) this.#context.packer.add(this.#key);
  }

  /** The stream broke its promise: the open command's caller is told what happened, those who wait that it is over. */
  #break(text: string, detail: string, isTold = false): void {
    // Where nobody is hurt it is no news: a user function that goes takes all its idle entities with it.
    const level = this.#state.kind === "idle" ? "debug" : isTold ? "info" : "warn";
    this.#context.logger[level]("entity stream broke", { entity: this.#name, text, detail });
    if (!isTold && text !== this.#protocol.texts.termination) this.#complain(`${text}: ${detail}`);
    this.#letGo();
    // An append in flight decides for itself, and then leaves.
    const isAppending = this.#state.kind === "appending" || this.#state.kind === "marking";
    if (!isAppending) this.#leave(brokenStream(text), this.#waiting());
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
    this.#release(stream);
  }

  #logFailure(thrown: unknown): StatusError {
    return logFailure(thrown, this.#name, (position) => this.#context.log.locate(this.#key, position));
  }

  #gone(): void {
    this.#state = GONE;
    this.#context.marks.forget(this);
    this.#onActive?.();
    this.#context.effects.close(this.#journal.effects);
    this.#context.onGone(this);
  }

  #complain(text: string): void {
    this.#context.reportError(`${this.#fullName}: ${text}`);
  }
}
