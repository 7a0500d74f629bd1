// SPDX-License-Identifier: Apache-2.0

import { assert, ExpiryPlace } from "../../base/mod.ts";
import type { EntityKey } from "../../eventlog/mod.ts";
import type { CallEnd } from "../../grpc/mod.ts";
import { Status, StatusError } from "../../grpc/mod.ts";
import type { TraceContext } from "../../telemetry/mod.ts";
import type { EntityService } from "../../userfunction/mod.ts";

import { answerRefused } from "../failure.ts";
import { activate } from "./activation.ts";
import { admitDescendants } from "./admit-descendants.ts";
import { answerOf, recordOf } from "./command-record.ts";
import type { ActiveEntity, EntityContext, EntityPlace } from "./context.ts";
import type { Delivery } from "./delivery.ts";
import { expiredWaiting, failed, settle } from "./delivery.ts";
import type { EntityNow } from "./entities-report.ts";
import { entityNow } from "./entities-report.ts";
import { EntityStreamError, entityError, shardReleased } from "./entity-error.ts";
import type { JournalOwner } from "./entity-journal.ts";
import { EntityJournal, MARK } from "./entity-journal.ts";
import type { EntityProtocol } from "./entity-protocol.ts";
import type { EntityState, Step } from "./entity-steps.ts";
import * as steps from "./entity-steps.ts";
import type { StreamOwner } from "./entity-stream.ts";
import { EntityStream } from "./entity-stream.ts";
import { EntityWatch } from "./entity-watch.ts";
import { LargeAnswers } from "./large-answers.ts";
import { Mailbox } from "./mailbox.ts";
import { answerToRepeat } from "./repeat.ts";
import {
  nameOf,
  outcomeUnknown,
  reportActivationFailure,
  reportAppendFailure,
  reportBrokenStream,
} from "./report-failure.ts";
import { SnapshotTrial } from "./snapshot-trial.ts";
import type { Answer, AnswerVerdict, CommitVerdict } from "./verdict.ts";
import { keepAnswer } from "./verdict.ts";

/**
 * One stateful entity in memory: a stream to the user function (`EntityStream`), a place in the log (`EntityJournal`),
 * and commands that wait (`Mailbox`). The kind of the entity (`EntityProtocol`) defines its messages to the user
 * function and its records in the log. `entity-steps.ts` has the states and their diagram, and decides each step; only
 * `#apply` changes the state.
 *
 * 1. (I2) The entity sends a command to the user function only in `idle`, and is in `open` from then on.
 * 2. (I1) In `appending` the answer is held back until the log has acknowledged the append.
 * 3. (I4) Only `appending` and `marking` have an append in flight, and only one.
 * 4. (I3) After a failed append of a command the entity uses nothing of what it had in memory: it releases the stream
 *    and reads the history again, which also shows what became of an append with an unknown outcome (I5). If another
 *    writer was faster, nothing was stored. Then the command is carried out again on the new state, at most
 *    `maxConflictRetries` times, and before all waiting commands because it came first.
 * 5. (I6) The entity becomes `idle` only after it has read its history to the end and found nothing missing.
 * 6. (I7) A repeat of a command whose answer is kept gets that answer when its turn comes. The user function does not
 *    see the repeat, and the side effects do not happen again. A final refusal (`isFinal`) is kept like an answer.
 * 7. Every delivery, a command with its waiting caller, is settled exactly once. Waiting deliveries survive a
 *    replay. If the stream is lost, they are settled with an error.
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
 * 14. (I3) An entity that is dropped leaves at once, because another proxy may have it: its commands are settled with
 *     an error, its stream is cancelled, and what the log or the user function still answers changes nothing.
 */
export class StatefulEntity implements ActiveEntity, StreamOwner, JournalOwner {
  readonly id: string;
  readonly shard: number;
  readonly idle: ExpiryPlace<ActiveEntity> = new ExpiryPlace<ActiveEntity>(this);
  readonly #relay = new ExpiryPlace<ActiveEntity>(this);
  readonly #key: EntityKey;
  #service: EntityService;
  readonly #context: EntityContext;
  readonly #protocol: EntityProtocol;
  readonly #watch: EntityWatch;
  readonly #mailbox: Mailbox;
  readonly #journal: EntityJournal;
  readonly #largeAnswers = new LargeAnswers();
  readonly #snapshotTrial: SnapshotTrial;
  #state: EntityState = steps.ACTIVATING;
  /** Undefined: the last one has ended or was released, and the next one is not open yet. */
  #stream: EntityStream | undefined;
  /** Called when the activation ends, successfully or not. */
  #onActive: (() => void) | undefined;

  constructor(context: EntityContext, protocol: EntityProtocol, service: EntityService, place: EntityPlace) {
    this.#context = context;
    this.#protocol = protocol;
    this.#service = service;
    this.id = place.id;
    this.shard = place.shard;
    this.#key = { type: service.persistenceId, id: place.id };
    this.#watch = new EntityWatch(context, context.instruments(service), this.#key);
    this.#mailbox = new Mailbox(context.options.mailboxCapacity, this.#watch);
    this.#snapshotTrial = new SnapshotTrial(context.snapshots);
    this.#journal = new EntityJournal(context, protocol, this.#key, this);
    this.#activate();
  }

  /** Takes a command. Its delivery is always settled, with an answer or an error. */
  deliver(delivery: Delivery): void {
    this.#watch.received();
    if (!steps.mustWait(this.#state)) {
      if (!this.#isRepeat(delivery)) return this.#open(delivery);
      return this.#context.onIdle(this);
    }
    if (this.#mailbox.push(delivery)) return;
    const text = `${this.#name} has ${this.#context.options.mailboxCapacity} commands waiting; try again later`;
    this.#reject(delivery, entityError(Status.RESOURCE_EXHAUSTED, "MAILBOX_FULL", text));
  }

  /**
   * Ends the stream of an idle entity, after storing which side effects are done if no record says so. The entity
   * leaves memory when the user function has ended the stream too. Does nothing if the entity is not idle.
   */
  passivate(): void {
    const step = steps.onPassivate(this.#state, this.#journal.isMarked);
    if (step !== undefined) this.#apply(step);
  }

  /** (14) */
  drop(): void {
    const released = shardReleased(this.shard);
    const error = this.#state.kind === "appending" ? outcomeUnknown(this.#key) : released;
    this.#journal.close();
    this.#stream?.drop();
    this.#stream = undefined;
    this.#mailbox.rejectAll(released);
    this.#apply(steps.onDropped(this.#state), failed(error));
  }

  markEffects(): void {
    const step = steps.onMarkDue(this.#state, this.#journal.isMarked);
    if (step !== undefined) this.#apply(step);
  }

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

  relayTimedOut(): void {
    const step = steps.onRelayTimeout(this.#state);
    if (step === undefined) return;
    const timeoutMs = this.#context.options.relayTimeoutMs;
    const text = `the user function did not answer ${this.#name} within ${timeoutMs} ms`;
    this.#apply(step, failed(entityError(Status.DEADLINE_EXCEEDED, "RELAY_TIMEOUT", text)));
  }

  /** The service of the last command that was sent, or is to be sent next on a new stream. */
  get service(): EntityService {
    return this.#service;
  }

  /** What it does now. */
  get now(): EntityNow {
    return entityNow(this, this.#state, this.#mailbox);
  }

  /** For the user function's developer. */
  get #fullName(): string {
    return `${this.service.desc.typeName} entity ${this.id}`;
  }

  get #name(): string {
    return nameOf(this.#key);
  }

  /** The span of the command in progress, or else of the one that waits first. */
  get #trace(): TraceContext | undefined {
    return (steps.inProgress(this.#state) ?? this.#mailbox.first)?.command.call.trace;
  }

  // States

  /** Takes a step: the only place that changes the state. @param answer for the caller, if the step settles. */
  #apply({ state, command }: Step, answer?: Answer): void {
    const before = this.#state;
    this.#state = state;
    if (before.kind === "idle") this.#context.onBusy(this);
    else if (before.kind === "open") {
      this.#context.relayTimeouts.forget(this.#relay);
      this.#watch.ended(answer);
    }
    if (command !== "kept") {
      assert(before.kind === "open" || before.kind === "appending", "(7) a command is in progress");
      if (command === "retried") this.#mailbox.putFirst(before.delivery);
      else this.#settle(before.delivery, answer, before.kind === "appending");
    }
    if (state.kind === "gone") this.#watch.left(before.kind === "passivating");
    if (before.kind !== state.kind) this.#enter(state);
  }

  /** Gives a command its answer. @param wasStoring the log was to store something for it. */
  #settle(delivery: Delivery, answer: Answer | undefined, wasStoring: boolean): void {
    this.#watch.settled(delivery, answer, wasStoring);
    settle(delivery, answer);
  }

  /** Refuses a command that had no turn. */
  #reject(delivery: Delivery, error: StatusError): void {
    this.#watch.rejected(delivery, error);
    delivery.reject(error);
  }

  /** Does the work of a state. What it ends with may take the next step. */
  #enter(state: EntityState): void {
    switch (state.kind) {
      case "activating":
        this.#releaseStream();
        return this.#activate();
      case "idle":
        return this.#next();
      case "open":
        return this.#send(state.delivery);
      case "appending":
        return this.#journal.append(recordOf(state));
      case "marking":
        return this.#journal.append(MARK);
      case "passivating":
        return this.#stream?.end();
      case "gone":
        return this.#leave();
    }
  }

  // Activation

  /** Replays the entity on a new stream. Waiting commands keep their order. */
  #activate(): void {
    activate({
      context: this.#context,
      protocol: this.#protocol,
      service: this.service,
      key: this.#key,
      journal: this.#journal,
      measured: this.#watch.measured,
      snapshotTrial: this.#snapshotTrial,
      trace: () => this.#trace,
      openStream: () => this.#openStream(),
      isStillActivating: () => this.#state.kind === "activating",
      onReplayed: () => this.#onReplayed(),
    }).catch((thrown: unknown) => {
      const step = steps.onActivationFailed(this.#state);
      // The stream was lost, or the entity dropped, and all callers have got their errors.
      if (step === undefined) return;
      const error = reportActivationFailure(this.#context, this.#key, thrown, this.#trace);
      this.#mailbox.rejectAll(error);
      this.#apply(step, failed(error));
    });
  }

  #openStream(): EntityStream | Promise<EntityStream> {
    return this.#context.streams.withRoom(() => {
      // (14) It has waited for room.
      if (this.#state.kind === "gone") throw shardReleased(this.shard);
      const stream = new EntityStream(this.#context, this.#protocol.path, this, this.#trace);
      this.#stream = stream;
      return stream;
    });
  }

  #onReplayed(): void {
    this.#watch.activated();
    this.#journal.effects.carryOutAgain(this.#fullName);
    this.#onActive?.();
    this.#onActive = undefined;
    this.#apply(steps.onReplayed(this.#state));
  }

  // Commands

  /** Carries out the next command whose caller still waits. The entity stays idle if there is none. */
  #next(): void {
    const { clock, options } = this.#context;
    for (let delivery = this.#mailbox.shift(); delivery !== undefined; delivery = this.#mailbox.shift()) {
      const nowMs = clock.monotonicMs();
      const expired = expiredWaiting(delivery, nowMs, options.relayTimeoutMs, this.#name);
      this.#watch.waited(delivery, nowMs, expired);
      if (expired !== undefined) this.#reject(delivery, expired);
      // (9)
      else if (!this.#largeAnswers.hasRoom(delivery.command)) this.#reject(delivery, answerRefused());
      else if (!this.#isRepeat(delivery)) return this.#open(delivery);
    }
    if (!this.#journal.isMarked) this.#context.marks.touch(this);
    this.#context.onIdle(this);
  }

  /** (6) If the command was carried out before, answers it and returns true. */
  #isRepeat(delivery: Delivery): boolean {
    const answer = answerToRepeat(this.#journal.replies, delivery.command);
    if (answer === undefined) return false;
    this.#settle(delivery, answer, false);
    return true;
  }

  #open(delivery: Delivery): void {
    const { service } = delivery.command.method;
    if (service === this.#service || service.desc.typeName === this.#service.desc.typeName) {
      return this.#apply(steps.onCommand(this.#state, delivery));
    }
    // (13)
    this.#service = service;
    this.#mailbox.putFirst(delivery);
    this.#apply(steps.onOtherService(this.#state));
  }

  #send({ command }: Delivery): void {
    const stream = this.#stream;
    assert(stream !== undefined, "an idle entity has a stream");
    this.#context.relayTimeouts.touch(this.#relay);
    this.#watch.sent(this.#protocol, command.call.trace, this.#relay.touchedMs);
    stream.sendCommand(this.#protocol, command);
  }

  onMessage(bytes: Uint8Array): void {
    const state = this.#state;
    const openCommandId = state.kind === "open" ? this.#stream?.lastCommandId : undefined;
    const { maxMessageFields } = this.#context.options;
    const verdict = this.#protocol.judge(bytes, openCommandId, maxMessageFields, this.service.extensions);
    if (verdict.kind === "broken") {
      const { text, detail, isTold, ofNoCommand } = verdict;
      const isRefused =
        ofNoCommand === true &&
        steps.mayRefuseSnapshot(state) &&
        this.#snapshotTrial.isRefusedByFailure(detail);
      if (isRefused) return this.#replayWithoutSnapshot();
      return this.#break(new EntityStreamError("violated", text), detail, isTold);
    }
    assert(state.kind === "open", "only an open command can be answered");
    this.#snapshotTrial.end(this.service, this.id);
    const { method, call } = state.delivery.command;
    this.#watch.answered(call.trace);
    this.#largeAnswers.note(method, bytes.length);
    if (!call.bytes.take(bytes.length)) return this.#refuse(verdict, answerRefused());
    if (verdict.kind === "commit") return this.#commit(state.delivery, verdict);
    // (6, I7) An answer that changes nothing is stored too, so that a repeat gets it.
    const kept = call.idempotencyKey === undefined ? undefined : keepAnswer(verdict);
    if (kept !== undefined) return this.#commit(state.delivery, kept);
    if (verdict.complaint !== undefined) this.#complain(verdict.complaint);
    this.#apply(steps.onAnswer(state, verdict), verdict.answer);
  }

  /** (9, 11) */
  #refuse(verdict: AnswerVerdict | CommitVerdict, error: StatusError): void {
    this.#apply(steps.onAnswerRefused(this.#state, verdict), failed(error));
  }

  #commit({ command }: Delivery, commit: CommitVerdict): void {
    // (11)
    const { ledger } = this.#journal.effects;
    const lineage = admitDescendants(this.#context, command.lineage, commit, ledger, this.#name);
    if (lineage instanceof StatusError) return this.#refuse(commit, lineage);
    this.#apply(steps.onCommit(this.#state, commit, lineage));
  }

  // Appends: the log calls `stored` or `notStored` once for each

  /** (2, I1) The log has acknowledged the record, so answer and side effects may leave, even without a stream. */
  stored(firstEffect: number): void {
    const state = this.#state;
    const step = steps.onStored(state, !this.#mailbox.isEmpty);
    if (state.kind !== "appending") return this.#apply(step);
    const { change, snapshot } = state.commit;
    if (snapshot !== undefined && this.#context.snapshots.isTaken(this.service, snapshot)) {
      this.#journal.saveSnapshot(snapshot, this.service.snapshotVersion);
    }
    this.#watch.stored(change);
    this.#context.onStored?.(state.delivery.command, change);
    this.#apply(step, answerOf(state, this.#journal.effects, firstEffect));
  }

  snapshotStored(bytes: number): void {
    this.#watch.snapshotStored(bytes);
  }

  /** (4, I3, I5) */
  notStored(error: unknown): void {
    const state = this.#state;
    const failure = reportAppendFailure(this.#context, this.#key, error, steps.inProgress(state));
    const { maxConflictRetries } = this.#context.options;
    const step = steps.onNotStored(state, failure.code, !this.#mailbox.isEmpty, maxConflictRetries);
    if (step.command === "retried" && state.kind === "appending") state.delivery.conflicts++;
    this.#apply(step, failed(failure));
  }

  // Endings

  /** (12) */
  #replayWithoutSnapshot(): void {
    this.#releaseStream();
    this.#apply(steps.onSnapshotRefused(this.#state));
  }

  onStreamEnd(end: CallEnd): void {
    this.#stream = undefined;
    if (this.#state.kind === "passivating") return this.#onPassivated();
    const isRefused = steps.mayRefuseSnapshot(this.#state) && this.#snapshotTrial.isRefusedByEnd(end);
    if (isRefused) this.#replayWithoutSnapshot();
    else this.#break(new EntityStreamError("unanswered", this.#protocol.texts.termination), end.message);
  }

  #onPassivated(): void {
    const step = steps.onPassivated(this.#state, !this.#mailbox.isEmpty);
    this.#apply(step);
    if (step.state.kind !== "gone") return;
    const { packer, options } = this.#context;
    if (this.#journal.records >= options.packRecords) packer.add(this.#key, this.shard);
  }

  onStreamRefused(error: StatusError): void {
    const stream = this.#stream;
    this.#mailbox.rejectAll(error);
    this.#apply(steps.onStreamLost(this.#state), failed(error));
    stream?.cancel();
  }

  /** The stream is lost. The caller of the open command gets `error`, the others get `waiting`. */
  #break(error: EntityStreamError, detail: string, isTold = false): void {
    const isIdle = this.#state.kind === "idle";
    reportBrokenStream(this.#context, this.#key, { error, detail, isTold, isIdle }, this.#trace);
    if (!isTold && error.reason === "violated") this.#complain(`${error.message}: ${detail}`);
    this.#releaseStream();
    // The command that has waited longest is the one that caused the activation, so it gets `error` too.
    const first = this.#state.kind === "activating" ? this.#mailbox.shift() : undefined;
    if (first !== undefined) this.#reject(first, error);
    this.#apply(steps.onStreamLost(this.#state), failed(error));
  }

  #leave(): void {
    this.#releaseStream();
    this.#context.marks.forget(this);
    this.#onActive?.();
    this.#context.effects.close(this.#journal.effects);
    // (7)
    if (!this.#mailbox.isEmpty)
      this.#mailbox.rejectAll(new EntityStreamError("unanswered", this.#protocol.texts.waiting));
    this.#context.onGone(this);
  }

  #releaseStream(): void {
    this.#stream?.release();
    this.#stream = undefined;
  }

  #complain(text: string): void {
    this.#context.reportError(`${this.#fullName}: ${text}`);
  }
}
