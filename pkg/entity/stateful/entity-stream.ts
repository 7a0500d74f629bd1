// SPDX-License-Identifier: Apache-2.0

import type { CallEnd, ClientStream, StatusError, StreamHandlers } from "../../grpc/mod.ts";
import type { TraceContext } from "../../telemetry/mod.ts";
import type { WatchedStream } from "../../userfunction/mod.ts";

import type { EntityCommand } from "../command.ts";
import type { EntityContext } from "./context.ts";
import type { EntityProtocol } from "./entity-protocol.ts";

type StreamContext = Pick<EntityContext, "streams" | "retire" | "retired">;

export interface StreamOwner {
  onMessage(bytes: Uint8Array): void;
  /** The user function has ended the stream, or it is lost. */
  onStreamEnd(end: CallEnd): void;
  /** The user function has no room for the stream, and has sent nothing on it. */
  onStreamRefused(error: StatusError): void;
}

/**
 * A stream of an entity to the user function.
 *
 * 1. Its owner hears nothing of it after it has ended or was released (clause 8 of `StatefulEntity`).
 * 2. Its commands have the ids 1, 2, 3, ….
 * 3. It counts among the streams that the user function serves (`StreamRoom`) from its first message until `end`,
 *    because the user function may begin to serve the next stream before the end of this one arrives here.
 */
export class EntityStream implements StreamHandlers, WatchedStream {
  /** Set by `StreamRoom`. */
  isHeard = false;
  readonly #context: StreamContext;
  readonly #call: ClientStream;
  /** Undefined: the stream has ended or was released. */
  #owner: StreamOwner | undefined;
  #lastCommandId = 0n;

  /** @throws StatusError as `StreamOpener.open`. @param trace the span of the command for which it is opened */
  constructor(context: StreamContext, path: string, owner: StreamOwner, trace?: TraceContext) {
    this.#context = context;
    this.#owner = owner;
    this.#call = context.streams.open(path, this, trace);
  }

  get isOver(): boolean {
    return this.#owner === undefined;
  }

  /** The id of the last command that was sent; 0 if there was none. */
  get lastCommandId(): bigint {
    return this.#lastCommandId;
  }

  send(bytes: Uint8Array): void {
    this.#call.send(bytes);
  }

  sendCommand(protocol: EntityProtocol, command: EntityCommand): void {
    this.#lastCommandId++;
    this.#call.send(protocol.commandMessage(this.#lastCommandId, command));
    if (!this.isHeard) this.#context.streams.asked(this);
  }

  /** Resolves when the user function has taken enough of what was sent, or the stream is over. */
  drained(): Promise<void> {
    return this.#call.drained();
  }

  /** Asks the user function to end the stream; it has a bounded time for it. The owner hears of the end. */
  end(): void {
    this.#context.streams.over(this);
    this.#call.end();
    this.#context.retire(this.#call);
  }

  /** The same, but the owner hears nothing any more. */
  release(): void {
    this.#owner = undefined;
    this.end();
  }

  cancel(): void {
    this.#call.cancel();
  }

  /**
   * Cancels it, and its owner hears nothing any more. Many streams are reset only one after the other
   * (`ResetPacer`), so the user function is also asked at once to end it.
   */
  drop(): void {
    this.#owner = undefined;
    this.#context.streams.over(this);
    this.#call.end();
    this.#call.cancel();
  }

  onMessage(bytes: Uint8Array): void {
    if (this.#owner === undefined) return;
    if (!this.isHeard) this.#context.streams.heard(this);
    this.#owner.onMessage(bytes);
  }

  onEnd(end: CallEnd): void {
    const owner = this.#owner;
    this.#owner = undefined;
    this.#context.streams.over(this);
    this.#context.retired(this.#call);
    owner?.onStreamEnd(end);
  }

  refuse(error: StatusError): void {
    this.#owner?.onStreamRefused(error);
  }
}
