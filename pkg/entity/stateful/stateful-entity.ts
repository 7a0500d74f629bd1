// SPDX-License-Identifier: Apache-2.0

import { assert, BoundedQueue, ExpiryPlace, toError } from "../../base/mod.ts";
import type { EntityKey } from "../../eventlog/mod.ts";
import type { CallEnd, ClientStream } from "../../grpc/mod.ts";
import { Status, StatusError } from "../../grpc/mod.ts";
import type { EntityService, WatchedStream } from "../../userfunction/mod.ts";

import { answerRefused, brokenStream, entityError, logFailure } from "../failure.ts";
import { NO_EFFECTS } from "../outcome.ts";
import { admitDescendants } from "./admit-descendants.ts";
import type { ActiveEntity, EntityContext } from "./context.ts";
import { CountedReads } from "./counted-reads.ts";
import type { Delivery } from "./delivery.ts";
import { expiredWaiting, settle } from "./delivery.ts";
import { EntityJournal, NO_NEWS } from "./entity-journal.ts";
import type { EntityProtocol } from "./entity-protocol.ts";
import type { EntityState } from "./entity-state.ts";
import { ACTIVATING, GONE, IDLE, MARKING, PASSIVATING } from "./entity-state.ts";
import { LargeAnswers } from "./large-answers.ts";
import { answerToRepeat, keptReplyOf } from "./repeat.ts";
import type { SnapshotRefusal } from "./snapshot-use.ts";
import { refusalByEnd, refusalByFailure } from "./snapshot-use.ts";
import type { CommitVerdict, Verdict } from "./verdict.ts";
import { keepAnswer } from "./verdict.ts";

/**
 * One stateful entity in memory: a stream to the user function, a place in the log, and a queue of waiting commands.
 * The kind of the entity (`EntityProtocol`) defines its messages to the user function and its records in the log.
 *
 *     activating ──▶ idle ◀──▶ open ──▶ appending
 *         ▲           │ ▲        │          │
 *         │           │ └──▶ marking        │
 *         └───────────┼──────────┴──────────┘  restart: the user function's memory is wrong, replay it
 *                     ▼
 *                passivating ──▶ gone          broken, from anywhere: ──▶ gone
 *
 * 1. (I2) The entity sends a command to the user function only in `idle`, and is in `open` from then on.
 * 2. (I1) In `appending` the answer is held back until the log has acknowledged the append.
 * 3. (I4) Only `appending` and `marking` have an append in flight, and only one.
 * 4. (I3) After a refused append the entity uses nothing of what it had in memory: it releases the stream and reads
 *    the history again. If another writer was faster, nothing was stored. Then the command is carried out again on
 *    the new state, at most `maxConflictRetries` times, and before all waiting commands because it came first.
 * 5. (I6) The entity becomes `idle` only after it has read its history to the end and found nothing missing.
 * 6. (I7) A repeat of a command whose answer is kept gets that answer when its turn comes. The user function does not
 *    see the repeat, and the side effects do not happen again. A final refusal (`isFinal`) is kept like an answer.
 * 7. Every delivery, a command with its waiting caller, is settled exactly once. Waiting deliveries survive a
 *    restart. If the stream breaks, they are settled with an error.
 * 8. Messages that arrive on a released stream are ignored.
 * 9. (I11) An answer is charged to its caller's memory before anything of it is stored. If there is no memory for it,
 *    the caller gets an error, and the user function's state is replayed if the answer has changed it. A command that
 *    has waited is not sent if there is no memory for an answer as large as the last one (`LargeAnswers`).
 * 10. Side effects are numbered and stored in their command's record, and carried out only after that (I1). Each
 *     record also says which side effects are done by then. If no record comes for a while, and before the entity
 *     leaves memory, it stores a record without a change for this (`marking`). Each time the history has been read,
 *     the side effects are carried out again that are neither known to be done nor under way.
 * 11. (I11) A command is refused, and nothing of it stored, if it asks for more forwards and side effects than may
 *     still follow from its caller's command (`Lineage`), or for more side effects than may wait.
 * 12. If the user function refuses the snapshot that a stream began with (it ends the stream, or sends a failure,
 *     before it has answered a command), the entity is replayed once more, from its events alone. An open command is
 *     sent again, because a user function that refuses the first message of a stream has not seen the later ones.
 * 13. A stream belongs to one service. Before a command of another service with the same persistence id, the entity
 *     releases the stream and replays the history on a stream of that service, so that both services see the same
 *     state.
 */
export class StatefulEntity implements ActiveEntity {
  readonly id: string;
  readonly idle: ExpiryPlace<ActiveEntity> = new ExpiryPlace<ActiveEntity>(this);
  readonly #relay = new ExpiryPlace<ActiveEntity>(this);
  /** The service that the stream belongs to. */
  #service: EntityService;
  readonly #context: EntityContext;
  readonly #protocol: EntityProtocol;
  readonly #mailbox: BoundedQueue<Delivery>;
  readonly #journal: EntityJournal;
  #state: EntityState = ACTIVATING;
  #stream: ClientStream | undefined;
  /** The same stream, as `StreamRoom` counts it. */
  #watched: WatchedStream | undefined;
  #lastCommandId = 0n;
  /** Called when the activation ends, successfully or not. */
  #onActive: (() => void) | undefined;
  readonly #largeAnswers = new LargeAnswers();
  /**
   * The next command, before those in the mailbox, because it has to be carried out again (4, 12) or needs another
   * stream (13).
   */
  #again: Delivery | undefined;
  /** Bytes of the snapshot that the stream began with, until the user function has answered a command on it; then 0. */
  #offeredBytes = 0;
  /** Why the entity is replayed without its snapshot, until the user function has answered a command. */
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

  /** Takes a command. Its delivery is always settled, with an answer or an error. */
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

  /**
   * Ends the stream of an idle entity, after storing which side effects are done if no record says so. The entity
   * leaves memory when the user function has ended the stream too. Does nothing if the entity is not idle.
   */
  passivate(): void {
    if (this.#state.kind !== "idle") return;
    if (this.#journal.isMarked) this.#endStream();
    else this.#mark(true);
  }

  /** Stores which side effects are done, if the entity is idle and no record says so yet. */
  markEffects(): void {
    if (this.#state.kind === "idle" && !this.#journal.isMarked) this.#mark(false);
  }

  /** A side effect is done, or was given up for now. */
  effectEnded(): void {
    if (this.#state.kind === "idle" && !this.#journal.isMarked) this.#context.marks.touch(this);
  }

  /** Starts the side effects that are neither done nor under way. Calls `onBegun` when they have started, or cannot. */
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

  /** The service of the last command that was sent, or is to be sent next on a new stream. */
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
      // The stream broke while the log was read, and all callers have got their errors.
      if (this.#state.kind === "gone") return;
      const error = thrown instanceof StatusError ? thrown : this.#logFailure(thrown);
      // The code that finds the user function gone or busy logs it once, so it is not logged for each further
      // command.
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
      // (12) The entity is still activating after its snapshot was refused, but not after its stream broke.
      do isWhole = await this.#replayFrom(reads);
      while (!isWhole && this.#state.kind === "activating");
    } finally {
      reads.close();
    }
  }

  /** False if the stream was lost before the whole history was replayed. */
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

  /** The user function has no room for the stream, and has sent nothing on it. */
  #refuseStream(error: StatusError): void {
    const stream = this.#stream;
    this.#leave(error, error);
    stream?.cancel();
  }

  // Commands

  /** Sends the next command whose caller still waits, or becomes idle. */
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

  /** If the command was carried out before, answers it and returns true. */
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
    this.#context.relayTimeouts.touch(this.#relay);
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
    this.#context.relayTimeouts.forget(this.#relay);

    this.#largeAnswers.note(state.delivery.command.method, bytes.length);
    if (!state.delivery.command.call.bytes.take(bytes.length)) return this.#refuse(state.delivery, verdict);
    if (verdict.kind === "commit") return this.#commit(state.delivery, verdict);
    if (state.delivery.command.call.idempotencyKey !== undefined) {
      // (I7) An answer that changes nothing is stored too, so that a repeat gets it.
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
    // (11)
    const lineage = admitDescendants(
      delivery.command.lineage,
      { effects: asked, forwards: outcome.kind === "forward" ? 1 : 0 },
      { name: this.#name, ledger: effects.ledger },
      this.#context.options,
      this.#context.random,
    );
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
      // I1: the log has acknowledged the record, so answer and effects may leave, even if the stream broke meanwhile.
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

  #onAppendFailed(error: unknown, delivery: Delivery): void {
    const failure = this.#appendFailure(error);
    const streamLost = this.#stream === undefined;
    if (failure.code === "APPEND_CONFLICT" && !streamLost && this.#mayTryAgain(delivery)) {
      this.#again = delivery;
      return this.#restart();
    }
    // I3: the user function has applied a change that is not in the log, so its stream is released before the caller
    // gets the error.
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

  /** Notes if the caller leaves while the command waits. */
  #await(delivery: Delivery): void {
    delivery.command.call.onCancel(() => {
      delivery.abandoned = true;
    });
  }

  /** Stores a record that says which side effects are done, and nothing else. */
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
      // I3, I5: the cursor is wrong after a conflict, and may be wrong after an unknown outcome.
      const isLost = code === "APPEND_CONFLICT" || code === "OUTCOME_UNKNOWN";
      if (isLost && this.#stream !== undefined) this.#restart();
      else goOn();
    });
  }

  // Endings

  /**
   * Replays the entity on a new stream, because the user function's state is wrong or unknown. Waiting commands keep
   * their order.
   */
  #restart(): void {
    this.#context.relayTimeouts.forget(this.#relay);
    this.#releaseStream();
    this.#activate();
  }

  /**
   * (12) Bytes of the snapshot that may be the reason why a stream ended. In `marking` 0, because its append decides
   * what follows.
   */
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
    if (state.kind === "activating") this.#releaseStream();
    else this.#restart();
  }

  /** The user function has answered a command after the replay without the snapshot. */
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

  /**
   * Asks the user function to end the stream. The stream is not counted from now on (`over`), because the user
   * function may begin to serve the next stream before the end of this one arrives here.
   */
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

  /** The stream failed. The caller of the open command gets `text`, the callers of waiting commands get `#waiting`. */
  #break(text: string, detail: string, isTold = false): void {
    // Only for debugging if the entity is idle: no caller is affected, and a user function that stops ends all
    // streams.
    const level = this.#state.kind === "idle" ? "debug" : isTold ? "info" : "warn";
    this.#context.logger[level]("entity stream broke", { entity: this.#name, text, detail });
    if (!isTold && text !== this.#protocol.texts.termination) this.#complain(`${text}: ${detail}`);
    this.#releaseStream();
    // If an append is in flight, its callbacks settle the command, and then the entity leaves.
    const isAppending = this.#state.kind === "appending" || this.#state.kind === "marking";
    if (!isAppending) this.#leave(brokenStream(text), this.#waiting());
  }

  #leave(current: StatusError, waiting: StatusError): void {
    const state = this.#state;
    this.#context.relayTimeouts.forget(this.#relay);
    this.#releaseStream();
    const deliveries = [...(this.#again === undefined ? [] : [this.#again]), ...this.#mailbox.drain()];
    this.#again = undefined;
    this.#gone();
    // During an activation the command that has waited longest is the one that caused it, so it gets `current`.
    const first =
      state.kind === "open" ? state.delivery : state.kind === "activating" ? deliveries.shift() : undefined;
    first?.reject(current);
    for (const delivery of deliveries) delivery.reject(waiting);
  }

  /** The error for callers whose command waits when the stream breaks. */
  #waiting(): StatusError {
    return brokenStream(this.#protocol.texts.waiting);
  }

  #releaseStream(): void {
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
