// SPDX-License-Identifier: Apache-2.0

import type { Clock, ExpiryQueue } from "../../base/mod.ts";
import { PullBuffer } from "../../base/mod.ts";
import { tracedMetadata } from "../../call/mod.ts";
import type { CallEnd, ClientStream } from "../../grpc/mod.ts";
import { CallError, pushMessage, Status, StatusError, waitingBytes } from "../../grpc/mod.ts";
import type { Metadata } from "../../protocol/mod.ts";
import { ActionProtocol } from "../../protocol/mod.ts";
import type { ServedService, StreamOpener } from "../../userfunction/mod.ts";
import { methodName } from "../../userfunction/mod.ts";

import type { StreamedCommand } from "../command.ts";
import { answerRefused } from "../failure.ts";
import type { CommandInstruments } from "../instruments.ts";
import type { Outcome } from "../outcome.ts";
import { actionError } from "./action-error.ts";
import { commandMessage, inputMessage, openMessage, readResponse } from "./messages.ts";

/** What the streams of one proxy share. */
export interface ActionStreamContext {
  readonly streams: StreamOpener;
  readonly clock: Clock;
  readonly instruments: (service: ServedService) => CommandInstruments;
  readonly reportError: (message: string) => void;
  readonly idle: ExpiryQueue<ActionStream>;
  readonly idleTimeoutMs: number;
  readonly maxMessageFields: number;
}

/** How many bytes of answers are read before they are asked for. */
const READ_AHEAD_BYTES = 65_536;

/**
 * One streamed command to an action. The caller's messages go to the user function and the answers come back, each at
 * the pace of its reader.
 *
 * 1. No stream is opened, and no message taken from the caller, before the first answer is asked for.
 * 2. The caller's next message is read when the user function can take more. An answer is read when it is asked for,
 *    except for a bounded read-ahead (I11).
 * 3. The stream ends once: when the user function ends it, when the caller's input fails, when the call is cancelled
 *    or `return` is called, or when no message has moved in either direction for the idle time-out. Then the call to
 *    the user function is cancelled if it has not ended, and `return` of the caller's input is called.
 * 4. Answers that came before the end are given out before it.
 * 5. An answer is charged to its caller's memory from its arrival until the next one is asked for (I11). If there is
 *    no memory for it, the stream fails.
 */
export class ActionStream implements AsyncIterableIterator<Outcome, undefined> {
  readonly #context: ActionStreamContext;
  readonly #command: StreamedCommand;
  readonly #input: AsyncIterator<Uint8Array>;
  readonly #answers: PullBuffer<Uint8Array>;
  #stream: ClientStream | undefined;
  /** Undefined before the first answer is asked for. Monotonic milliseconds. */
  #startedMs: number | undefined;
  /** Bytes charged for the answer that was given out last. */
  #givenBytes = 0;
  #over = false;

  constructor(context: ActionStreamContext, command: StreamedCommand) {
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
    this.#givenBytes = waitingBytes(answer.value);
    try {
      return { done: false, value: readResponse(this.#command.method, answer.value, this.#context) };
    } catch (error) {
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

  idle(): void {
    const text = `${methodName(this.#command.method)} had no message in either direction for ${this.#context.idleTimeoutMs} ms`;
    this.#finish(actionError(Status.DEADLINE_EXCEEDED, "STREAM_IDLE", text));
  }

  #start(): void {
    const { method, call } = this.#command;
    const { clock, instruments, idle } = this.#context;
    instruments(method.service).received.add(1);
    this.#startedMs = clock.monotonicMs();
    idle.touch(this);
    call.onCancel(() => this.#finish(actionError(Status.CANCELLED, "CANCELLED", "the caller went away")));
    // The caller may have left already.
    if (this.#over) return;
    this.#open(PATHS[method.desc.methodKind]).catch((error: unknown) => this.#finish(error));
  }

  async #open(path: string): Promise<void> {
    const { streams } = this.#context;
    const stream = await streams.withRoom(() => {
      // The stream may have ended while it waited for room.
      if (this.#over) return undefined;
      const handlers = {
        onMessage: (bytes: Uint8Array) => this.#onAnswer(bytes),
        onEnd: (end: CallEnd) => this.#onEnd(end),
      };
      this.#stream = streams.open(path, handlers, this.#command.call.trace);
      return this.#stream;
    });
    if (stream !== undefined) await this.#send(stream);
  }

  /** Sends the caller's messages to the user function, at the pace of the user function. */
  async #send(stream: ClientStream): Promise<void> {
    const { method, call } = this.#command;
    const metadata = tracedMetadata(call);
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
    if (!this.#command.call.bytes.take(waitingBytes(bytes))) return this.#finish(answerRefused());
    pushMessage(this.#answers, bytes);
  }

  #onEnd(end: CallEnd): void {
    this.#stream = undefined;
    if (end.status !== Status.OK) {
      this.#finish(end.cause ?? new CallError(end));
      return;
    }
    const { metadata, trailers } = end;
    if (!this.#over) this.#command.onEnd?.({ metadata: entriesOf(metadata), trailers: entriesOf(trailers) });
    this.#finish(undefined);
  }

  /** Ends the stream on both sides. Of several reasons the first counts. */
  #finish(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#countEnd(error === undefined);
    this.#context.idle.forget(this);
    this.#stream?.cancel();
    this.#answers.end(error === undefined || error instanceof StatusError ? error : unforeseen(error));
    // Not awaited, because an input that waits for its caller resolves `return` only when the caller's call is over.
    void Promise.resolve(this.#input.return?.()).catch(() => undefined);
  }

  #countEnd(isCompleted: boolean): void {
    if (this.#startedMs === undefined) return;
    const { clock, instruments } = this.#context;
    const { method, call } = this.#command;
    instruments(method.service).ended(isCompleted, clock.monotonicMs() - this.#startedMs, call.trace);
  }
}

function entriesOf(metadata: CallEnd["metadata"]): Metadata {
  return Array.from(metadata, ([key, value]) => ({ key, value }));
}

function unforeseen(error: unknown): StatusError {
  return actionError(Status.INTERNAL, "INTERNAL", "unexpected failure of the proxy", error);
}

const path = (name: string): string => `/${ActionProtocol.typeName}/${name}`;

/** The protocol's method for each shape of an action's method. */
export const PATHS = {
  unary: path(ActionProtocol.method.handleUnary.name),
  client_streaming: path(ActionProtocol.method.handleStreamedIn.name),
  server_streaming: path(ActionProtocol.method.handleStreamedOut.name),
  bidi_streaming: path(ActionProtocol.method.handleStreamed.name),
} as const;
