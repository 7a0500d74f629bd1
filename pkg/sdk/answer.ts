// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Any, EmptySchema } from "@bufbuild/protobuf/wkt";

import type { ClientAction } from "../protocol/gen/cloudstate/entity_pb.ts";
import { pack } from "./any.ts";
import type { MethodEntry } from "./definition.ts";
import { toMessage } from "./to-message.ts";

declare const answers: unique symbol;

/**
 * What `reply`, `forward`, and in actions `noReply` and `failure` make: an answer that is more than a message. It
 * counts only when the handler returns or yields it.
 */
export interface Answer<Output extends DescMessage = DescMessage> {
  readonly [answers]: Output;
}

/** What a handler returns or yields: the reply, its fields, or an `Answer`; nothing if the reply is `Empty`. */
export type HandlerResult<Output extends DescMessage> =
  | MessageInitShape<Output>
  | Answer<Output>
  | (MessageShape<Output> extends MessageShape<typeof EmptySchema>
      ? // oxlint-disable-next-line typescript/no-invalid-void-type -- "returns nothing" is what it means.
        void
      : never);

export type OneResult<Output extends DescMessage> = HandlerResult<Output> | Promise<HandlerResult<Output>>;

export type AnswerAction = ClientAction["action"];

/** An answer as the runtime has it. */
export class MadeAnswer {
  /** The context that made it. */
  readonly owner: object;
  readonly action: AnswerAction;
  given = false;

  constructor(owner: object, action: AnswerAction) {
    this.owner = owner;
    this.action = action;
  }
}

const EMPTY_REPLY: Any = {
  $typeName: "google.protobuf.Any",
  typeUrl: "type.googleapis.com/google.protobuf.Empty",
  value: new Uint8Array(0),
};

/** The reply for a handler's result that is no `Answer`. @throws SdkError `BAD_RESULT` */
export function replyOf({ method, repliesEmpty }: MethodEntry, result: unknown): AnswerAction {
  const payload =
    repliesEmpty && result === undefined
      ? EMPTY_REPLY
      : pack(
          method.output,
          toMessage(method.output, result, `the handler ${method.localName}`, "BAD_RESULT"),
        );
  return { case: "reply", value: { $typeName: "cloudstate.Reply", payload } };
}
