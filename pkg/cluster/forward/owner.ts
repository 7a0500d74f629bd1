// SPDX-License-Identifier: Apache-2.0

import type { Msg, Subscription } from "@nats-io/transport-node";

import type { Charge } from "../../base/mod.ts";
import { ExpiryList, ExpiryQueue, ownBytes } from "../../base/mod.ts";

import type { PeerId } from "../placement.ts";
import type { Budgeted } from "./budgets.ts";
import { Budgets } from "./budgets.ts";
import type { AnswerKind, Part, RequestFrame } from "./frames.ts";
import { answerPrefix, answerSubject, callSubject, cancelSubject, readRequestReply } from "./frames.ts";
import { OpenRequest } from "./open-request.ts";
import type { ForwardDependencies } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { Assembly, MAX_BESIDES_BYTES, sendInParts } from "./parts.ts";
import type { Refusal } from "./refusals.ts";

/** A request of another proxy. */
export interface ForwardedRequest {
  readonly bytes: Uint8Array;
  /** When its caller stops waiting, in monotonic milliseconds of this proxy's clock; undefined: not by itself. */
  readonly deadlineMs: number | undefined;
  /** Calls the listener once if the caller goes away. */
  readonly onCancel: (listener: () => void) => void;
  /** Holds the request's bytes until the answer is sent. What carries out the request may take more. */
  readonly charge: Charge;
}

export interface ForwardOwnerDependencies extends ForwardDependencies {
  /** The member that others ask. Another incarnation of it needs another owner. */
  readonly self: PeerId;
  /** Carries a request out and gives the answer's bytes, which must not change any more. Never rejects. */
  readonly handle: (request: ForwardedRequest) => Promise<Uint8Array>;
}

/** A request of which parts have come. */
interface PartialRequest {
  readonly budget: Budgeted;
  readonly assembly: Assembly;
  readonly deadlineMs: number | undefined;
}

/**
 * Answers the requests of other proxies, over core NATS.
 *
 * 1. A request is carried out once it is there as a whole, and at most once. If its caller's time is over it is not.
 * 2. Requests are refused rather than exceed `maxPeerCalls` and `maxPeerBytes` of one caller, or the memory of all.
 * 3. Of a request whose parts stop coming nothing is kept after `partTimeoutMs`, or as soon as one is missing. The
 *    caller is told that it was not carried out.
 * 4. While a request is carried out, its caller gets a sign every `workingEveryMs`.
 * 5. If the caller cancels, the request's `onCancel` is called, and no answer is sent.
 * 6. An answer is sent once. If there is no connection then, it is lost, and its caller notices by the silence.
 * 7. Messages that are no requests are ignored, whatever is in them (I12).
 */
export class ForwardOwner {
  readonly #dependencies: ForwardOwnerDependencies;
  readonly #budgets: Budgets;
  readonly #callers: string;
  readonly #open = new Map<string, OpenRequest>();
  readonly #partial = new Map<string, PartialRequest>();
  readonly #working: ExpiryList<OpenRequest>;
  readonly #incomplete: ExpiryQueue<string>;
  readonly #subscriptions: readonly Subscription[];
  readonly #outbox = new Outbox();
  #whenIdle: (() => void) | undefined;

  private constructor(dependencies: ForwardOwnerDependencies) {
    const { link, prefix, self, clock, memory, options } = dependencies;
    this.#dependencies = dependencies;
    this.#budgets = new Budgets(memory, options);
    this.#callers = `${answerPrefix(prefix)}.`;
    this.#working = new ExpiryList(clock, options.workingEveryMs, (request) => this.#stillWorking(request));
    this.#incomplete = new ExpiryQueue(clock, options.partTimeoutMs, (call) => this.#dropPartial(call));
    const take = (subject: string, receive: (message: Msg) => void): Subscription =>
      link.connection.subscribe(subject, {
        callback: (error, message) => {
          if (error === null) this.#guarded(message, receive);
        },
      });
    this.#subscriptions = [
      take(callSubject(prefix, self), (message) => this.#receive(message)),
      take(cancelSubject(prefix, self), (message) => this.#cancel(message.string())),
    ];
  }

  /** Resolves when the server sends requests here. @throws what NATS's client throws. */
  static async open(dependencies: ForwardOwnerDependencies): Promise<ForwardOwner> {
    const owner = new ForwardOwner(dependencies);
    try {
      await dependencies.link.connection.flush();
    } catch (thrown) {
      // Otherwise the client would subscribe again when it has reconnected, and nobody would end it.
      for (const subscription of owner.#subscriptions) subscription.unsubscribe();
      throw thrown;
    }
    return owner;
  }

  /** Requests that are carried out. */
  get open(): number {
    return this.#open.size;
  }

  /**
   * Takes no more requests: who sends one learns at once that nobody does. Those that the server has passed on by then
   * are still carried out. Resolves when all have ended and the server has their answers. The caller bounds the wait.
   */
  async close(): Promise<void> {
    const { link } = this.#dependencies;
    await Promise.all(this.#subscriptions.map((subscription) => this.#drain(subscription)));
    for (const call of this.#partial.keys()) this.#dropPartial(call);
    if (this.#open.size > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    this.#working.clear();
    this.#incomplete.clear();
    this.#outbox.flush();
    // If the connection is lost in the meantime, so are the answers (6).
    if (link.isConnected) await link.connection.flush().catch(() => undefined);
  }

  /** Takes what was sent before the server knew of the end, because its sender hears of nothing else than an answer. */
  async #drain(subscription: Subscription): Promise<void> {
    if (!this.#dependencies.link.isConnected) return subscription.unsubscribe();
    await subscription.drain().catch(() => subscription.unsubscribe());
  }

  /** What is thrown here would end the client's connection, and reading what others sent may throw (7). */
  #guarded(message: Msg, receive: (message: Msg) => void): void {
    try {
      receive(message);
    } catch (error) {
      this.#dependencies.telemetry.logger.warn("a message of another proxy was not handled", { error });
    }
  }

  #receive(message: Msg): void {
    const { clock, options, telemetry } = this.#dependencies;
    const { reply = "", data } = message;
    const frame = reply.startsWith(this.#callers) ? readRequestReply(reply) : undefined;
    if (frame === undefined) {
      telemetry.logger.debug("a message that is no request of a proxy was ignored", {
        subject: message.subject,
      });
      return;
    }
    const { call, leftMs, part } = frame;
    const deadlineMs = leftMs === undefined ? undefined : clock.monotonicMs() + leftMs;
    if (part !== undefined) return this.#takePart(frame, deadlineMs, data);
    if (data.length > options.maxMessageBytes) return this.#refuse(call, "TOO_LARGE");
    const budget = this.#budgets.open(callerOf(call), data.length);
    if (budget === undefined) return this.#refuse(call, "BUSY");
    void this.#carryOut(call, budget, ownBytes(data, MAX_BESIDES_BYTES), deadlineMs);
  }

  #takePart({ call, part }: RequestFrame, deadlineMs: number | undefined, piece: Uint8Array): void {
    if (part === undefined) return;
    const partial = this.#partial.get(call) ?? this.#beginPartial(call, part, deadlineMs);
    if (partial === undefined) return;
    const added = partial.assembly.add(part, piece);
    if (added === "broken") return this.#dropPartial(call);
    if (added === "more") return this.#incomplete.touch(call);
    this.#incomplete.forget(call);
    this.#partial.delete(call);
    void this.#carryOut(call, partial.budget, added, partial.deadlineMs);
  }

  /** Takes the memory for a request with its first part. Undefined: it was refused. */
  #beginPartial(call: string, part: Part, deadlineMs: number | undefined): PartialRequest | undefined {
    const { index, totalBytes } = part;
    const isTooLarge = totalBytes > this.#dependencies.options.maxMessageBytes;
    const isFirst = index === 0;
    const budget = isTooLarge || !isFirst ? undefined : this.#budgets.open(callerOf(call), totalBytes);
    if (budget === undefined) {
      this.#refuse(call, isTooLarge ? "TOO_LARGE" : isFirst ? "BUSY" : "INCOMPLETE");
      return undefined;
    }
    const partial = { budget, assembly: new Assembly(totalBytes), deadlineMs };
    this.#partial.set(call, partial);
    return partial;
  }

  #dropPartial(call: string): void {
    const partial = this.#partial.get(call);
    if (partial === undefined) return;
    this.#incomplete.forget(call);
    this.#partial.delete(call);
    this.#budgets.close(partial.budget);
    this.#refuse(call, "INCOMPLETE");
  }

  async #carryOut(
    call: string,
    budget: Budgeted,
    bytes: Uint8Array,
    deadlineMs: number | undefined,
  ): Promise<void> {
    const { clock, handle, telemetry } = this.#dependencies;
    if (this.#open.has(call) || (deadlineMs ?? Infinity) <= clock.monotonicMs())
      return this.#budgets.close(budget);
    const request = new OpenRequest(call, budget);
    this.#open.set(call, request);
    this.#working.touch(request.place);
    const onCancel = (listener: () => void): void => request.onCancel(listener);
    try {
      const answer = await handle({ bytes, deadlineMs, onCancel, charge: budget.charge });
      if (!request.isCancelled) this.#answer(call, answer);
    } catch (thrown) {
      telemetry.logger.error("a request of another proxy failed unexpectedly", { error: thrown });
      this.#refuse(call, "FAILED");
    } finally {
      this.#end(request);
    }
  }

  #end({ call, budget, place }: OpenRequest): void {
    this.#open.delete(call);
    this.#working.forget(place);
    this.#budgets.close(budget);
    if (this.#open.size === 0) this.#whenIdle?.();
  }

  #stillWorking({ call, isCancelled, place }: OpenRequest): void {
    if (isCancelled) return;
    this.#publish(call, "working", NO_BYTES);
    this.#working.touch(place);
  }

  #cancel(call: string): void {
    this.#dropPartial(call);
    this.#open.get(call)?.cancel();
  }

  #answer(call: string, answer: Uint8Array): void {
    if (answer.length > this.#dependencies.options.maxMessageBytes)
      return this.#refuse(call, "ANSWER_TOO_LARGE");
    this.#publish(call, "answer", answer);
  }

  #refuse(call: string, why: Refusal): void {
    this.#publish(call, "refusal", Buffer.from(why));
  }

  #publish(call: string, kind: AnswerKind, bytes: Uint8Array): void {
    this.#outbox.add(() => this.#publishNow(call, kind, bytes));
  }

  #publishNow(call: string, kind: AnswerKind, bytes: Uint8Array): void {
    const { link, telemetry } = this.#dependencies;
    if (!link.isConnected) return;
    try {
      sendInParts(bytes, link.maxPayload, (piece, part) =>
        link.connection.publish(answerSubject(call, kind, part), piece),
      );
    } catch (error) {
      telemetry.logger.debug("an answer to another proxy was not sent", { error });
    }
  }
}

const NO_BYTES = new Uint8Array(0);

/** The name of the process that calls: that of the call without its number. */
function callerOf(call: string): string {
  return call.slice(0, call.lastIndexOf("."));
}
