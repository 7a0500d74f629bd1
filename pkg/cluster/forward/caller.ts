// SPDX-License-Identifier: Apache-2.0

import type { Msg, Subscription } from "@nats-io/transport-node";
import { createInbox } from "@nats-io/transport-node";

import { ownBytes, toError } from "../../base/mod.ts";
import type { StatusError } from "../../grpc/mod.ts";
import { Status } from "../../grpc/mod.ts";
import { isNoResponder } from "../../nats/mod.ts";

import { forwardError, undelivered } from "../forward-error.ts";
import type { PeerId } from "../placement.ts";
import type { Budgeted } from "./budgets.ts";
import { Budgets } from "./budgets.ts";
import { EarliestTimer } from "./earliest-timer.ts";
import type { Part } from "./frames.ts";
import { answerPrefix, callSubject, cancelSubject, readAnswer, requestReply } from "./frames.ts";
import type { ForwardDependencies } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { Assembly, MAX_BESIDES_BYTES, sendInParts } from "./parts.ts";
import { refusalError } from "./refusals.ts";

export interface ForwardCallerDependencies extends ForwardDependencies {
  /** Called when a request found nobody who takes it, so that the member may be looked after. */
  readonly onNoResponder: (peer: PeerId) => void;
}

/** What goes to another proxy, and how long it is waited for. */
export interface ForwardRequest {
  /** Must not change until the answer has come. */
  readonly bytes: Uint8Array;
  /** When the caller stops waiting, in monotonic milliseconds; undefined: not before the answer or the peer's end. */
  readonly deadlineMs: number | undefined;
  /** Calls the listener once if the caller goes away. */
  readonly onCancel: (listener: () => void) => void;
}

interface OpenCall {
  readonly number: number;
  readonly peer: PeerId;
  readonly budget: Budgeted;
  readonly deadlineMs: number;
  readonly resolve: (answer: Uint8Array) => void;
  readonly reject: (error: StatusError) => void;
  /** When the owner was last heard of this call. */
  heardMs: number;
  /** The parts of the answer that have come. */
  assembly: Assembly | undefined;
}

/**
 * Asks other proxies, over core NATS: one request, one answer, of bytes (ADR 29, "Forwarding").
 *
 * 1. A request is sent once and never again. It ends with one answer or one error, and waits for no longer than its
 *    deadline, and `maxSilenceMs` after the last sign of its owner. An owner gives such a sign every `workingEveryMs`.
 *    So an owner that died, and an answer that got lost, are noticed without a deadline too; the connection tells of
 *    neither. Whoever knows earlier that a member is gone says so (`gone`).
 * 2. `isUndelivered` is true for an error only if the owner has not got the request: there was no connection, nobody
 *    takes it (the server says so at once), or a part of it was lost.
 * 3. What was sent and has no answer is `PEER_LOST`: the request may have been carried out, and may still be.
 * 4. With one peer at most `maxPeerCalls` and `maxPeerBytes` are under way; more is refused, and not sent.
 * 5. All answers come through one subscription, and one timer serves all deadlines.
 * 6. Messages that are no answer to an open call are ignored, whatever is in them (I12).
 */
export class ForwardCaller {
  readonly #dependencies: ForwardCallerDependencies;
  readonly #budgets: Budgets;
  readonly #open = new Map<number, OpenCall>();
  readonly #timer: EarliestTimer;
  /** Names this process, in front of the numbers of its calls. */
  readonly #name: string;
  readonly #answers: Subscription;
  readonly #stopWatching: () => void;
  readonly #outbox = new Outbox();
  #lastNumber = 0;

  constructor(dependencies: ForwardCallerDependencies) {
    const { link, prefix, clock, memory, options } = dependencies;
    this.#dependencies = dependencies;
    this.#budgets = new Budgets(memory, options);
    this.#timer = new EarliestTimer(clock, (nowMs, lateMs) => this.#look(nowMs, lateMs));
    this.#name = `${createInbox(answerPrefix(prefix))}.`;
    this.#answers = link.connection.subscribe(`${this.#name}>`, {
      callback: (error, message) => {
        if (error === null) this.#guarded(message);
      },
    });
    this.#stopWatching = link.onLost(() => this.#endAll(() => true, "the connection to NATS was lost"));
  }

  /** The members that have not answered yet. */
  get peers(): ReadonlySet<PeerId> {
    return new Set([...this.#open.values()].map(({ peer }) => peer));
  }

  /** Calls that are under way. */
  get open(): number {
    return this.#open.size;
  }

  /** @throws StatusError with a `ForwardErrorCode`, and nothing else. */
  call(peer: PeerId, { bytes, deadlineMs, onCancel }: ForwardRequest): Promise<Uint8Array> {
    const { clock, link, options } = this.#dependencies;
    const nowMs = clock.monotonicMs();
    const leftMs = deadlineMs === undefined ? undefined : Math.ceil(deadlineMs - nowMs);
    if (leftMs !== undefined && leftMs <= 0) return Promise.reject(late());
    if (bytes.length > options.maxMessageBytes)
      return Promise.reject(refusalError("TOO_LARGE", peer, options));
    if (!link.isConnected) return Promise.reject(undelivered("there is no connection to NATS now"));
    const budget = this.#budgets.open(peer, bytes.length);
    if (budget === undefined) return Promise.reject(refusalError("BUSY", peer, options));
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const number = ++this.#lastNumber;
    const call: OpenCall = {
      number,
      peer,
      budget,
      deadlineMs: deadlineMs ?? Number.POSITIVE_INFINITY,
      resolve,
      reject,
      heardMs: nowMs,
      assembly: undefined,
    };
    this.#open.set(number, call);
    this.#timer.at(Math.min(call.deadlineMs, nowMs + options.maxSilenceMs));
    this.#outbox.add(() => this.#send(call, bytes, leftMs));
    onCancel(() => this.#cancel(call));
    return promise;
  }

  /** The member is gone and will not answer any more: its open calls end with `PEER_LOST`. */
  gone(peer: PeerId): void {
    this.#endAll((call) => call.peer === peer, `proxy ${peer} is gone`);
  }

  /** Ends all open calls. */
  close(): void {
    this.#stopWatching();
    this.#answers.unsubscribe();
    this.#endAll(() => true, "this proxy stops");
    this.#timer.clear();
  }

  #send(call: OpenCall, bytes: Uint8Array, leftMs: number | undefined): void {
    // It has ended in the meantime: its caller left, or the connection was lost.
    if (!this.#open.has(call.number)) return;
    const { link, prefix } = this.#dependencies;
    const subject = callSubject(prefix, call.peer);
    const name = `${this.#name}${call.number}`;
    let sent = 0;
    try {
      sendInParts(bytes, link.maxPayload, (piece, part) => {
        link.connection.publish(subject, piece, { reply: requestReply({ call: name, leftMs, part }) });
        sent += piece.length;
      });
    } catch (thrown) {
      // A request of which the client refused a part never becomes whole.
      this.#fail(call, undelivered(`the request was not sent, after ${sent} bytes`, toError(thrown)));
    }
  }

  /** What is thrown here would end the client's connection, and reading what others sent may throw (6). */
  #guarded(message: Msg): void {
    try {
      this.#receive(message);
    } catch (error) {
      this.#dependencies.telemetry.logger.warn("an answer of another proxy was not handled", { error });
    }
  }

  #receive(message: Msg): void {
    const end = message.subject.slice(this.#name.length);
    const dot = end.indexOf(".");
    const call = this.#open.get(Number(end.slice(0, dot)));
    if (call === undefined) return;
    // The server's answer if nobody subscribes to the subject of the request.
    if (isNoResponder(message)) return this.#noResponder(call);
    const frame = readAnswer(end.slice(dot + 1));
    if (frame === undefined) return;
    const { kind, part } = frame;
    call.heardMs = this.#dependencies.clock.monotonicMs();
    if (kind === "refusal")
      this.#fail(call, refusalError(message.string(), call.peer, this.#dependencies.options));
    else if (kind === "answer" && part === undefined)
      this.#answer(call, ownBytes(message.data, MAX_BESIDES_BYTES));
    else if (kind === "answer" && part !== undefined) this.#takePart(call, part, message.data);
  }

  #noResponder(call: OpenCall): void {
    const { peer } = call;
    this.#fail(call, undelivered(`proxy ${peer} is not there`));
    this.#dependencies.onNoResponder(peer);
  }

  #takePart(call: OpenCall, part: Part, piece: Uint8Array): void {
    if (call.assembly === undefined) {
      const { totalBytes } = part;
      const { maxMessageBytes } = this.#dependencies.options;
      if (totalBytes > maxMessageBytes || !this.#budgets.replace(call.budget, totalBytes))
        return this.#fail(call, lost(`there is no room for the ${totalBytes} bytes of its answer`));
      call.assembly = new Assembly(totalBytes);
    }
    const added = call.assembly.add(part, piece);
    if (added === "broken") this.#fail(call, lost("a part of its answer was lost"));
    else if (added !== "more") this.#answer(call, added);
  }

  /** Ends what is over, and gives the time at which the next call may be. */
  #look(nowMs: number, lateMs: number): number {
    const { maxSilenceMs, workingEveryMs } = this.#dependencies.options;
    // This process stood still: it has not read what has come since.
    const isBehind = lateMs > workingEveryMs;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const call of this.#open.values()) {
      if (isBehind) call.heardMs = nowMs;
      const silentMs = call.heardMs + maxSilenceMs;
      if (call.deadlineMs <= nowMs) this.#fail(call, late());
      else if (silentMs <= nowMs) this.#fail(call, lost(`proxy ${call.peer} has gone silent`));
      else nextMs = Math.min(nextMs, call.deadlineMs, silentMs);
    }
    return nextMs;
  }

  /** If the message to the owner gets lost, the owner works on until the deadline. */
  #cancel(call: OpenCall): void {
    if (!this.#open.has(call.number)) return;
    const { link, prefix } = this.#dependencies;
    this.#fail(call, forwardError(Status.CANCELLED, "CANCELLED", "the caller went away"));
    try {
      if (link.isConnected)
        link.connection.publish(cancelSubject(prefix, call.peer), `${this.#name}${call.number}`);
    } catch {
      // The client is closed.
    }
  }

  #endAll(which: (call: OpenCall) => boolean, why: string): void {
    for (const call of this.#open.values()) if (which(call)) this.#fail(call, lost(why));
  }

  #answer(call: OpenCall, bytes: Uint8Array): void {
    this.#end(call);
    call.resolve(bytes);
  }

  #fail(call: OpenCall, error: StatusError): void {
    this.#end(call);
    call.reject(error);
  }

  #end({ number, budget }: OpenCall): void {
    if (this.#open.delete(number)) this.#budgets.close(budget);
  }
}

/** (3) */
function lost(why: string): StatusError {
  return forwardError(
    Status.UNAVAILABLE,
    "PEER_LOST",
    `no answer came, and the request may have been carried out: ${why}`,
  );
}

function late(): StatusError {
  const text = "the time that the caller gave is over; the request may still be carried out";
  return forwardError(Status.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", text);
}
