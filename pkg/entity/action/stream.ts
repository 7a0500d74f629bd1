// SPDX-License-Identifier: Apache-2.0

import { PullBuffer, toError } from "../../base/mod.ts";
import type { ExpiryQueue } from "../../base/mod.ts";
import type { StreamEnd } from "../../call/mod.ts";
import { CallError, Status, StatusError } from "../../grpc/mod.ts";
import type { CallEnd, ClientStream } from "../../grpc/mod.ts";
import { ActionProtocol } from "../../protocol/mod.ts";
import type { Metadata } from "../../protocol/mod.ts";
import { methodName } from "../../userfunction/mod.ts";
import type { StreamOpener } from "../../userfunction/mod.ts";

import { answerRefused, entityError } from "../failure.ts";
import type { Outcome } from "../outcome.ts";
import type { ActionStreamCall } from "./command.ts";
import { commandMessage, inputMessage, openMessage, readResponse } from "./messages.ts";

/** What the streams of one proxy share. */
export interface ActionStreamContext {
  readonly streams: StreamOpener;
  readonly reportError: (message: string) => void;
  readonly idle: ExpiryQueue<ActionStream>;
  readonly idleTimeoutMs: number;
  readonly maxMessageFields: number;
}

/** What is read ahead of whoever takes the answers, in bytes. */
const READ_AHEAD_BYTES = 65_536;

/** What an answer that waits costs beside its bytes, so that empty ones have a bound too. */
const MESSAGE_OVERHEAD_BYTES = 64;

/**
 * One streamed command at an action: the caller's messages go there, the answers come back, each as fast as its reader.
 *
 * 1. Nothing is opened, and nothing taken from the caller, before the first answer is asked for.
 * 2. The caller's next message is taken when the user function takes more; an answer when it is asked for, but for a
 *    bounded read-ahead (I11).
 * 3. The stream is over once: by the user function's word, by a failure of the caller's input, by `cancel` or `return`,
 *    or when nothing has moved for the idle time-out. Then the other sides are let go of: the call at the user function
 *    is cancelled if it was not ended, the caller's input returned.
 * 4. Answers that came before the end are given out before it.
 * 5. An answer is counted in its caller's memory from when it came until the next one is asked for (I11); where there is
 *    no memory for it, the stream fails.
 */
export class ActionStream implements AsyncIterableIterator<Outcome, undefined> {
  readonly #context: ActionStreamContext;
  readonly #command: ActionStreamCall;
  readonly #input: AsyncIterator<Uint8Array>;
  readonly #answers: PullBuffer<Uint8Array>;
  #stream: ClientStream | undefined;
  /** Of the answer that was given out last. */
  #givenBytes = 0;
  #over = false;

  constructor(context: ActionStreamContext, command: ActionStreamCall) {
    this.#context = context;
    this.#command = command;
    this.#input = command.input[Symbol.asyncIterator]();
    const source = {
      start: () => this.#start(),
      pause: () => this.#stream?.pause(),
      resume: () => this.#stream?.resume(),
      cancel: () => this.#finish(undefined),
    };
    this.#answers = new PullBuffer(source, READ_AHEAD_BYTES);
  }

  async next(): Promise<IteratorResult<Outcome, undefined>> {
    this.#command.call.bytes.give(this.#givenBytes);
    this.#givenBytes = 0;
    const answer = await this.#answers.next();
    if (answer.done === true) return answer;
    this.#givenBytes = sizeOf(answer.value);
    try {
      const { maxMessageFields } = this.#context;
      return { done: false, value: readResponse(this.#command.method, answer.value, maxMessageFields) };
    } catch (error) {
      this.#context.reportError(toError(error).message);
      await this.return();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<Outcome, undefined>> {
    this.#finish(undefined);
    await this.#answers.return();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Nothing has moved for the idle time-out. */
  idle(): void {
    const text = `${methodName(this.#command.method)} had no message in either direction for ${this.#context.idleTimeoutMs} ms`;
    this.#finish(entityError(Status.DEADLINE_EXCEEDED, "STREAM_IDLE", text));
  }

  #start(): void {
    const { method, call } = this.#command;
    this.#context.idle.touch(this);
    call.onCancel(() => this.#finish(entityError(Status.CANCELLED, "CANCELLED", "the caller went away")));
    // It may have gone already.
    if (this.#over) return;
    this.#open(PATHS[method.desc.methodKind]).catch((error: unknown) => this.#finish(error));
  }

  async #open(path: string): Promise<void> {
    const { streams } = this.#context;
    const stream = await streams.withRoom(() => {
      // It may have waited for room longer than its caller did.
      if (this.#over) return undefined;
      this.#stream = streams.open(path, {
        onMessage: (bytes) => this.#onAnswer(bytes),
        onEnd: (end) => this.#onEnd(end),
      });
      return this.#stream;
    });
    if (stream !== undefined) await this.#send(stream);
  }

  /** Gives the caller's messages to the user function, at its pace. */
  async #send(stream: ClientStream): Promise<void> {
    const {
      method,
      call: { metadata },
    } = this.#command;
    if (method.desc.methodKind === "server_streaming") {
      const only = await this.#input.next();
      if (only.done !== true) await this.#sendOne(stream, commandMessage(method, only.value, metadata));
    } else {
      await this.#sendOne(stream, openMessage(method, metadata));
      while (!this.#over) {
        const item = await this.#input.next();
        if (item.done === true) break;
        await this.#sendOne(stream, inputMessage(method, item.value));
      }
    }
    stream.end();
  }

  async #sendOne(stream: ClientStream, message: Uint8Array): Promise<void> {
    if (this.#over) return;
    this.#context.idle.touch(this);
    if (!stream.send(message)) await stream.drained();
  }

  #onAnswer(bytes: Uint8Array): void {
    if (this.#over) return;
    this.#context.idle.touch(this);
    const size = sizeOf(bytes);
    if (!this.#command.call.bytes.take(size)) return this.#finish(answerRefused());
    this.#answers.push(bytes, size);
  }

  #onEnd(end: CallEnd): void {
    this.#stream = undefined;
    if (end.status !== Status.OK) {
      this.#finish(end.cause ?? new CallError(end));
      return;
    }
    if (!this.#over) this.#command.onEnd?.(streamEnd(end));
    this.#finish(undefined);
  }

  /** The stream is over, for every side. Of several reasons the first counts. */
  #finish(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#context.idle.forget(this);
    this.#stream?.cancel();
    this.#answers.end(error === undefined || error instanceof StatusError ? error : unforeseen(error));
    // One that waits for its caller answers when the caller's call is over; nobody waits for that.
    void Promise.resolve(this.#input.return?.()).catch(() => undefined);
  }
}

function streamEnd({ metadata, trailers }: CallEnd): StreamEnd {
  return { metadata: entriesOf(metadata), trailers: entriesOf(trailers) };
}

function entriesOf(metadata: CallEnd["metadata"]): Metadata {
  return Array.from(metadata, ([key, value]) => ({ key, value }));
}

function sizeOf(answer: Uint8Array): number {
  return answer.length + MESSAGE_OVERHEAD_BYTES;
}

function unforeseen(error: unknown): StatusError {
  return entityError(Status.INTERNAL, "INTERNAL", "unexpected failure of the proxy", error);
}

const path = (name: string): string => `/${ActionProtocol.typeName}/${name}`;

/** The protocol's methods by the shape of the action's. */
const PATHS = {
  unary: path(ActionProtocol.method.handleUnary.name),
  client_streaming: path(ActionProtocol.method.handleStreamedIn.name),
  server_streaming: path(ActionProtocol.method.handleStreamedOut.name),
  bidi_streaming: path(ActionProtocol.method.handleStreamed.name),
} as const;
