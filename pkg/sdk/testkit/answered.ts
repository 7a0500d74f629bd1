// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, DescMethod, Message, MessageShape } from "@bufbuild/protobuf";

import type { Forward, SideEffect } from "../../protocol/gen/cloudstate/entity_pb.ts";
import type { AnswerAction } from "../answer.ts";
import { unpack } from "../any.ts";
import type { CheckTarget } from "../call-target.ts";
import { nameOf } from "../call-target.ts";
import { splitTrailers } from "../header-metadata.ts";
import { Metadata, metadataFromWire } from "../metadata.ts";
import type { StatusName } from "../status-name.ts";
import { statusName } from "../status-name.ts";
import { TestkitError } from "./error.ts";

/** What a handler answered: a reply, a forward, a failure, or nothing. */
export interface Answered<Reply extends DescMessage = DescMessage> {
  /** The reply to the caller. @throws TestkitError if the handler gave another answer. */
  readonly reply: MessageShape<Reply>;
  /** The metadata of the reply. */
  readonly metadata: Metadata;
  /** The trailers of the reply. */
  readonly trailers: Metadata;
  /** The text of `fail`, or undefined. */
  readonly failure: string | undefined;
  /** The code that goes with it: that of `fail`, else `UNKNOWN`. Undefined if the handler did not fail. */
  readonly failureCode: StatusName | undefined;
  /** The command that answers in place of this one, or undefined. */
  readonly forward: Call | undefined;
  /** The side effects, in order. */
  readonly effects: readonly Effect[];
}

/** A command to another method. */
export interface Call {
  /** The method, as `com.example.shoppingcart.ShoppingCart/AddItem`. */
  readonly to: string;
  readonly message: Message;
  readonly metadata: Metadata;
}

export interface Effect extends Call {
  readonly synchronous: boolean;
}

/** An answer as it went to the proxy. */
export interface GivenAnswer {
  readonly action: AnswerAction;
  readonly sideEffects: readonly SideEffect[];
}

/** The methods that handlers named as targets of forwards and effects; messages to them are decoded by their types. */
export class Targets {
  readonly #methods = new Map<string, DescMethod>();

  get check(): CheckTarget {
    return (method) => void this.#methods.set(nameOf(method), method);
  }

  /** Decodes a handler's answer from the message to the proxy, and adds `more` that a test wants to know. */
  read<More extends object>(
    method: DescMethod,
    { action, sideEffects }: GivenAnswer,
    more: More,
  ): Answered & More {
    const reply =
      action.case === "reply"
        ? unpack(method.output, action.value.payload, `the reply of ${method.name}`)
        : undefined;
    const forward = action.case === "forward" ? this.#call(action.value) : undefined;
    const failure = action.case === "failure" ? action.value.description : undefined;
    const failureCode = action.case === "failure" ? statusName(action.value.grpcStatus) : undefined;
    return {
      ...more,
      get reply() {
        if (reply !== undefined) return reply;
        throw new TestkitError(`${method.localName} ${insteadOf(failure, forward)}, so there is no reply`);
      },
      ...splitTrailers(action.case === "reply" ? metadataFromWire(action.value.metadata) : Metadata.empty),
      failure,
      failureCode,
      forward,
      effects: sideEffects.map((effect) => ({
        ...this.#call(effect),
        synchronous: effect.synchronous,
      })),
    };
  }

  #call({ serviceName, commandName, payload, metadata }: Forward | SideEffect): Call {
    const to = `${serviceName}/${commandName}`;
    const method = this.#methods.get(to);
    if (method === undefined) throw new TestkitError(`nobody named ${to}`);
    return { to, message: unpack(method.input, payload, to), metadata: metadataFromWire(metadata) };
  }
}

function insteadOf(failure: string | undefined, forward: Call | undefined): string {
  if (failure !== undefined) return `failed with "${failure}"`;
  return forward === undefined ? "answered with noReply" : `was forwarded to ${forward.to}`;
}
