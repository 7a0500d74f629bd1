// SPDX-License-Identifier: Apache-2.0

import type { Answer } from "./answer.ts";
import type { Cancellation } from "./cancellation.ts";
import type { CloudEvent } from "./cloud-event.ts";
import { NO_COMMAND } from "./entity-instance.ts";
import { failure } from "./entity-out.ts";
import type { ContextSource, HandlerContext } from "./handler-context.ts";
import { BaseContext } from "./handler-context.ts";

/**
 * What a handler of an action works with. Its effects travel with the next answer that it gives, whatever kind of answer
 * that is; those after the last answer of a stream travel alone.
 */
export interface ActionContext extends HandlerContext {
  /** The CloudEvent whose data the message is, if that is what came. Of streams, the one that began the call. */
  readonly cloudEvent: CloudEvent | undefined;
  /** Aborted when the caller goes away. Nothing that the handler answers from then on arrives. */
  readonly signal: AbortSignal;
  /** No answer at all: in a stream nothing reaches the caller, from a unary method an error does. */
  readonly noReply: () => Answer<never>;
  /** A failure as an answer: unlike `fail` it does not leave the handler. Ends the caller's stream in most proxies. */
  readonly failure: (description: string) => Answer<never>;
}

/** The context as the runtime sees it. */
export class ActionCommand extends BaseContext implements ActionContext {
  readonly #cancellation: Cancellation;

  constructor(source: ContextSource, cancellation: Cancellation) {
    super(source);
    this.#cancellation = cancellation;
  }

  get cloudEvent(): CloudEvent | undefined {
    return this.metadata.cloudEvent;
  }

  get signal(): AbortSignal {
    return this.#cancellation.signal;
  }

  get noReply(): () => Answer<never> {
    return () => {
      this.checkOpen("noReply");
      return this.make({ case: undefined }).asAnswer;
    };
  }

  get failure(): (description: string) => Answer<never> {
    return (description) => {
      this.checkOpen("failure");
      return this.make({ case: "failure", value: failure(NO_COMMAND, description) }).asAnswer;
    };
  }
}
