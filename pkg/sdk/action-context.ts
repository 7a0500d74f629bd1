// SPDX-License-Identifier: Apache-2.0

import type { Answer } from "./answer.ts";
import type { AbortOptions, CallFinish, FinishOptions } from "./call-end.ts";
import { CallAborted } from "./call-end.ts";
import type { Cancellation } from "./cancellation.ts";
import type { CloudEvent } from "./cloud-event.ts";
import { failure, NO_COMMAND } from "./entity-out.ts";
import { SdkError } from "./error.ts";
import type { ContextSource, HandlerContext } from "./handler-context.ts";
import { BaseContext } from "./handler-context.ts";
import { headerMetadata } from "./header-metadata.ts";
import type { Metadata } from "./metadata.ts";
import type { FailOptions } from "./refusal.ts";
import { refusalOf } from "./refusal.ts";
import type { StatusName } from "./status-name.ts";

/**
 * The context of a handler of an action. Its side effects travel with the handler's next answer, of whatever kind.
 * Effects after the last answer of a stream travel without an answer.
 */
export interface ActionContext extends HandlerContext {
  /** The CloudEvent whose data the message is, or undefined. For a stream of messages, the one that began the call. */
  readonly cloudEvent: CloudEvent | undefined;
  /** The caller's time limit, from the beginning of its call, in milliseconds; undefined if it set none. */
  readonly timeoutMs: number | undefined;
  /** Aborted when the caller goes away or its time is over. Later answers do not reach the caller. */
  readonly signal: AbortSignal;
  /** No answer at all: in a stream nothing reaches the caller, from a unary method an error does. */
  readonly noReply: () => Answer<never>;
  /**
   * A failure as an answer: unlike `fail` it does not leave the handler. Ends the caller's stream in most proxies.
   *
   * @throws SdkError `BAD_STATUS`
   */
  readonly failure: (description: string, options?: FailOptions) => Answer<never>;
  /**
   * Ends the call with a status of gRPC, with details, headers and trailers. Leaves the handler, as `fail` does.
   * Unlike a failure it carries no effects: effects since the last answer are lost.
   *
   * @throws SdkError `BAD_STATUS`, `BAD_METADATA`
   */
  readonly abort: (status: StatusName, description: string, options?: AbortOptions) => never;
  /**
   * Sets headers and trailers of a stream of answers that ends without an error:
   * `return finish({ trailers: { "x-cost": "3" } })`. The last call counts. A method with a single answer has both as
   * options of `reply`.
   *
   * @throws SdkError `BAD_METADATA`, also in a method with a single answer.
   */
  readonly finish: (options: FinishOptions) => void;
}

/** The context as the runtime sees it. */
export class ActionCommand extends BaseContext implements ActionContext {
  /** The first error that `abort` threw. The call is aborted even if the handler catches the error. */
  aborted: CallAborted | undefined;
  /** What `finish` was given last. */
  finished: CallFinish | undefined;
  readonly #cancellation: Cancellation;

  constructor(source: ContextSource, cancellation: Cancellation) {
    super(source);
    this.#cancellation = cancellation;
  }

  get cloudEvent(): CloudEvent | undefined {
    return this.metadata.cloudEvent;
  }

  get timeoutMs(): number | undefined {
    return callTimeoutMs(this.metadata);
  }

  get signal(): AbortSignal {
    return this.#cancellation.signal;
  }

  get noReply(): ActionContext["noReply"] {
    return () => {
      this.checkOpen("noReply");
      return this.make({ case: undefined });
    };
  }

  get failure(): ActionContext["failure"] {
    return (description, options) => {
      this.checkOpen("failure");
      const refusal = refusalOf("failure", description, options);
      return this.make({ case: "failure", value: failure(NO_COMMAND, refusal) });
    };
  }

  get abort(): ActionContext["abort"] {
    return (status, description, options) => {
      this.checkOpen("abort");
      this.aborted ??= new CallAborted(status, description, options);
      throw this.aborted;
    };
  }

  get finish(): ActionContext["finish"] {
    return (options) => {
      this.checkOpen("finish");
      if (this.once) {
        const text = "finish is for streams of answers: reply takes metadata and trailers";
        throw new SdkError("BAD_METADATA", text);
      }
      const { metadata, trailers } = options;
      this.finished = { metadata: headerMetadata(metadata), trailers: headerMetadata(trailers) };
    };
  }
}

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** The caller's `grpc-timeout` (grpc/grpc `doc/PROTOCOL-HTTP2.md`) in milliseconds, or undefined if it sent none. */
function callTimeoutMs(metadata: Metadata): number | undefined {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(metadata.get("grpc-timeout") ?? "") ?? [];
  const unitMs = UNIT_MS[unit ?? ""];
  return unitMs === undefined ? undefined : Number(digits) * unitMs;
}
