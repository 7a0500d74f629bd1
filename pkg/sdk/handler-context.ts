// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";

import type { SideEffect, Metadata as WireMetadata } from "../protocol/gen/cloudstate/entity_pb.ts";
import type { Answer, AnswerAction } from "./answer.ts";
import { MadeAnswer, replyOf } from "./answer.ts";
import { pack } from "./any.ts";
import type { CallOptions, CheckTarget, EffectOptions, ReplyOptions, UnaryMethod } from "./call-target.ts";
import { callOf, nameOf } from "./call-target.ts";
import type { MethodEntry } from "./definition.ts";
import { CommandFailed, SdkError } from "./error.ts";
import { withTrailers } from "./header-metadata.ts";
import type { Metadata } from "./metadata.ts";
import { metadataFromWire, metadataToWire } from "./metadata.ts";
import type { FailOptions, Refusal } from "./refusal.ts";
import { refusalOf } from "./refusal.ts";
import { toMessage } from "./to-message.ts";
import type { Trace } from "./trace.ts";
import { traceOf } from "./trace.ts";

/**
 * The context of every handler, valid while its command runs.
 *
 * It may be destructured: `addItem(command, { effect, fail })`. Each function is a getter that binds it at each
 * access, so that functions which the handler does not name cost nothing.
 */
export interface HandlerContext {
  /** The metadata of the command. To entities proxies send none, but for the trace. */
  readonly metadata: Metadata;
  /** The trace of which the command is a part; undefined if nobody traces it. */
  readonly trace: Trace | undefined;
  /**
   * Adds a side effect: another command that the proxy carries out once everything that this one changed is stored. Its
   * reply is lost, and its failure does not affect this command.
   *
   * @throws SdkError `UNKNOWN_METHOD`, `BAD_MESSAGE`, `BAD_METADATA`
   */
  readonly effect: <Target extends UnaryMethod>(
    method: Target,
    message: MessageInitShape<Target["input"]>,
    options?: EffectOptions,
  ) => void;
  /**
   * Lets another command answer in place of this one: `return forward(ShoppingCart.method.getCart, { userId })`. Both
   * methods must have the same reply type.
   *
   * @throws SdkError `UNKNOWN_METHOD`, `WRONG_REPLY_TYPE`, `BAD_MESSAGE`, `BAD_METADATA`
   */
  readonly forward: <Target extends UnaryMethod>(
    method: Target,
    message: MessageInitShape<Target["input"]>,
    options?: CallOptions,
  ) => Answer<Target["output"]>;
  /**
   * A reply that carries metadata: `return reply(CartSchema, { items }, { metadata: { "x-version": "7" } })`.
   *
   * @throws SdkError `WRONG_REPLY_TYPE`, `BAD_MESSAGE`, `BAD_METADATA`
   */
  readonly reply: <Output extends DescMessage>(
    schema: Output,
    message: MessageInitShape<Output>,
    options?: ReplyOptions,
  ) => Answer<Output>;
  /**
   * Refuses the command: leaves the handler, and the caller gets the text and, if there is one, the code:
   * `return fail("There is no such cart", { code: "NOT_FOUND" })`. Works with and without `return`; with it, the
   * compiler knows that nothing follows.
   *
   * @throws SdkError `BAD_STATUS`
   */
  readonly fail: (description: string, options?: FailOptions) => never;
}

/** What every context is made of. Each kind of service adds its own parts. */
export interface ContextSource {
  readonly entry: MethodEntry;
  readonly metadata: WireMetadata | undefined;
  readonly check: CheckTarget;
  /** Whether the handler answers once, rather than with a stream. */
  readonly once: boolean;
}

/**
 * The context as the runtime sees it. One for each command, so that a call after the end of its command is recognised.
 *
 * 1. *What is made is given*: an answer that was made but neither returned nor yielded is an error, because the handler
 *    has forgotten a `return`.
 * 2. *The end is final*: after `end` every call whose result would be lost throws `COMMAND_ENDED`.
 */
export class BaseContext implements HandlerContext {
  /** The first refusal that `fail` was given. The command has failed even if the handler catches the error. */
  failed: Refusal | undefined;
  readonly #source: ContextSource;
  #metadata: Metadata | undefined;
  #effects: SideEffect[] | undefined;
  /** Answers made and not yet given. */
  #waiting = 0;
  #ended = false;

  constructor(source: ContextSource) {
    this.#source = source;
  }

  get metadata(): Metadata {
    return (this.#metadata ??= metadataFromWire(this.#source.metadata));
  }

  get trace(): Trace | undefined {
    return traceOf(this.metadata);
  }

  get effect(): HandlerContext["effect"] {
    return (method, message, { synchronous = false, metadata } = {}) => {
      this.checkOpen("effect");
      (this.#effects ??= []).push({
        $typeName: "cloudstate.SideEffect",
        ...callOf("effect", method, message, this.#source.check),
        synchronous,
        metadata: metadataToWire(metadata),
      });
    };
  }

  get forward(): HandlerContext["forward"] {
    return (method, message, { metadata } = {}) => {
      this.checkOpen("forward");
      const call = callOf("forward", method, message, this.#source.check);
      this.#checkReply(`forward to ${nameOf(method)}`, method.output);
      const value = { $typeName: "cloudstate.Forward", ...call, metadata: metadataToWire(metadata) } as const;
      return this.make({ case: "forward", value });
    };
  }

  get reply(): HandlerContext["reply"] {
    return (schema, message, { metadata, trailers } = {}) => {
      this.checkOpen("reply");
      this.#checkReply("reply", schema);
      return this.make({
        case: "reply",
        value: {
          $typeName: "cloudstate.Reply",
          payload: pack(schema, toMessage(schema, message, "reply", "BAD_MESSAGE")),
          metadata: metadataToWire(withTrailers(metadata, trailers)),
        },
      });
    };
  }

  get fail(): HandlerContext["fail"] {
    return (description, options) => {
      this.checkOpen("fail");
      this.failed ??= refusalOf("fail", description, options);
      throw new CommandFailed(this.failed.description);
    };
  }

  /** The effects since they were last taken. */
  takeEffects(): SideEffect[] {
    const effects = this.#effects ?? [];
    this.#effects = undefined;
    return effects;
  }

  /**
   * The answer that a handler's result, or one result of its stream, means.
   *
   * @throws SdkError `BAD_RESULT`, `TWO_ANSWERS`
   */
  actionOf(result: unknown): AnswerAction {
    if (!(result instanceof MadeAnswer)) {
      if (this.#source.once) this.checkGiven();
      return replyOf(this.#source.entry, result);
    }
    if (result.owner !== this) {
      throw new SdkError("BAD_RESULT", `${this.#who()} gave an answer that another command has made`);
    }
    if (!result.given) this.#waiting -= 1;
    result.given = true;
    if (this.#source.once) this.checkGiven();
    return result.action;
  }

  checkGiven(): void {
    if (this.#waiting === 0) return;
    throw new SdkError(
      "TWO_ANSWERS",
      `${this.#who()} made an answer that it did not give: return, or yield, what forward(...) and reply(...) make`,
    );
  }

  /** Ends the context, because whatever it recorded from now on would be lost. */
  end(): void {
    this.#ended = true;
  }

  /** The answer, with the type that a handler returns. */
  protected make(action: AnswerAction): Answer<never> {
    if (this.#source.once && this.#waiting > 0) {
      throw new SdkError("TWO_ANSWERS", `${this.#who()} made a second answer: a command has one`);
    }
    this.#waiting += 1;
    return new MadeAnswer(this, action) as unknown as Answer<never>;
  }

  /** Whether the handler answers once, rather than with a stream. */
  protected get once(): boolean {
    return this.#source.once;
  }

  protected checkOpen(what: string): void {
    if (!this.#ended) return;
    throw new SdkError(
      "COMMAND_ENDED",
      `${what} was called after its command had ended: await everything before the handler returns`,
    );
  }

  #checkReply(what: string, { typeName }: DescMessage): void {
    const { output } = this.#source.entry.method;
    if (typeName === output.typeName) return;
    throw new SdkError(
      "WRONG_REPLY_TYPE",
      `${what} answers with ${typeName}, but ${this.#who()} with ${output.typeName}`,
    );
  }

  #who(): string {
    return `the handler ${this.#source.entry.method.localName}`;
  }
}
