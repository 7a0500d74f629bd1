// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../../base/mod.ts";
import { ExpiryList, ExpiryPlace, ExpiryQueue } from "../../base/mod.ts";
import type { StatusError } from "../../grpc/mod.ts";
import { Status } from "../../grpc/mod.ts";
import { ActionProtocol } from "../../protocol/mod.ts";
import type { StreamOpener, WatchedStream } from "../../userfunction/mod.ts";
import { methodName } from "../../userfunction/mod.ts";

import { answerRefused } from "../failure.ts";
import type { EntityOptions } from "../options.ts";
import type { Outcome } from "../outcome.ts";
import { actionError } from "./action-error.ts";
import type { ActionCall, ActionStreamCall } from "./command.ts";
import { commandMessage, readResponse } from "./messages.ts";
import type { ActionStreamContext } from "./stream.ts";
import { ActionStream } from "./stream.ts";

/** Bounds of actions (I11). */
export type ActionOptions = Pick<
  EntityOptions,
  "relayTimeoutMs" | "streamIdleTimeoutMs" | "maxMessageFields"
>;

export interface ActionRuntimeDependencies {
  readonly streams: StreamOpener;
  readonly clock: Clock;
  readonly options: ActionOptions;
  /** Tells the user function what it did wrong. */
  readonly reportError: (message: string) => void;
}

/**
 * Hands commands to actions. Each command is one call to the user function, unary or streamed as the command is.
 *
 * 1. The caller gets the status with which the user function ends the call.
 * 2. If the caller stops waiting, or a time-out passes, the call to the user function is cancelled.
 */
export class ActionRuntime {
  readonly #streams: StreamOpener;
  readonly #options: ActionOptions;
  readonly #open: ExpiryList<OpenCall>;
  readonly #context: ActionStreamContext;

  constructor({ streams, clock, options, reportError }: ActionRuntimeDependencies) {
    this.#streams = streams;
    this.#options = options;
    this.#open = new ExpiryList(clock, options.relayTimeoutMs, (call) => {
      call.timedOut = true;
      call.cancel();
    });
    const idle = new ExpiryQueue<ActionStream>(clock, options.streamIdleTimeoutMs, (stream) => stream.idle());
    const { streamIdleTimeoutMs: idleTimeoutMs, maxMessageFields } = options;
    this.#context = { streams, reportError, idle, idleTimeoutMs, maxMessageFields };
  }

  /** @throws StatusError, and nothing else. */
  async unary({ method, payload, call }: ActionCall): Promise<Outcome> {
    const streams = this.#streams;
    const open = new OpenCall();
    this.#open.touch(open.relay);
    try {
      const { message } = await streams.withRoom(() => {
        if (open.isOver)
          throw actionError(Status.CANCELLED, "CANCELLED", "nobody waits for the call any more");
        const answer = streams.unary(UNARY_PATH, commandMessage(method, payload, call.metadata), {
          trace: call.trace,
          onCancel: (cancel) => {
            open.cancel = cancel;
            call.onCancel(cancel);
          },
        });
        streams.asked(open);
        return answer;
      });
      if (!call.bytes.take(message.length)) throw answerRefused();
      return readResponse(method, message, this.#context);
    } catch (error) {
      if (open.refusal !== undefined) throw open.refusal;
      if (open.timedOut) {
        const text = `the user function did not answer ${methodName(method)} within ${this.#options.relayTimeoutMs} ms`;
        throw actionError(Status.DEADLINE_EXCEEDED, "RELAY_TIMEOUT", text, error);
      }
      throw error;
    } finally {
      this.#open.forget(open.relay);
      streams.over(open);
    }
  }

  /** Gives each answer of the user function when it is asked for. The iterator throws StatusError, and nothing else. */
  streamed(call: ActionStreamCall): AsyncIterableIterator<Outcome, undefined> {
    return new ActionStream(this.#context, call);
  }
}

const UNARY_PATH = `/${ActionProtocol.typeName}/${ActionProtocol.method.handleUnary.name}`;

/** A call that the user function has not answered yet. */
class OpenCall implements WatchedStream {
  /** Its place among the calls that the user function has not answered yet. */
  readonly relay = new ExpiryPlace<OpenCall>(this);
  isHeard = false;
  timedOut = false;
  refusal: StatusError | undefined;
  cancel: () => void = NOTHING_TO_CANCEL;

  /** Whether the call has timed out or was refused, so that its answer is of no use. */
  get isOver(): boolean {
    return this.timedOut || this.refusal !== undefined;
  }

  refuse(error: StatusError): void {
    this.refusal = error;
    this.cancel();
  }
}

const NOTHING_TO_CANCEL = (): void => undefined;
