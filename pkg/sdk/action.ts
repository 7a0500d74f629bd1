// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, DescMethod, DescService, MessageShape } from "@bufbuild/protobuf";

import type { ActionContext } from "./action-context.ts";
import type { HandlerResult, OneResult } from "./answer.ts";
import type { MethodEntry } from "./definition.ts";
import { checkService, handlerFaults, methodTable, refuse } from "./definition.ts";
import type { MessageStream } from "./message-stream.ts";

/** One handler for each method of the service, under its camelCase name. */
export type ActionHandlers<Service extends DescService> = {
  readonly [Name in keyof Service["method"]]: ActionHandler<Service["method"][Name]>;
};

/**
 * What a handler takes and gives follows the shape of its method: one message, or a stream of them; one answer, or a
 * stream of them, best written as an async generator. It may give nothing for an answer only if the reply is
 * `google.protobuf.Empty`.
 */
export type ActionHandler<Method extends DescMethod> = Method extends { readonly methodKind: "unary" }
  ? (message: MessageShape<Method["input"]>, context: ActionContext) => OneResult<Method["output"]>
  : Method extends { readonly methodKind: "client_streaming" }
    ? (
        messages: MessageStream<MessageShape<Method["input"]>>,
        context: ActionContext,
      ) => OneResult<Method["output"]>
    : Method extends { readonly methodKind: "server_streaming" }
      ? (message: MessageShape<Method["input"]>, context: ActionContext) => ManyResults<Method["output"]>
      : (
          messages: MessageStream<MessageShape<Method["input"]>>,
          context: ActionContext,
        ) => ManyResults<Method["output"]>;

export type ManyResults<Output extends DescMessage> =
  | AsyncIterable<HandlerResult<Output>>
  | Iterable<HandlerResult<Output>>;

/** A definition, ready for `serve` and for the test kit. Made by `action`. */
export interface Action<Service extends DescService = DescService> {
  readonly kind: "action";
  readonly service: Service;
  /** By the method's name on the wire. */
  readonly methods: ReadonlyMap<string, MethodEntry>;
}

/**
 * Defines an action: functions without state, in any of the four shapes of gRPC.
 *
 * @throws SdkError `BAD_ENTITY` that names everything that is wrong, for what the compiler did not see.
 */
export function action<Service extends DescService>(
  service: Service,
  handlers: ActionHandlers<Service>,
): Action<Service> {
  checkService("action", service);
  refuse(service, handlerFaults(service, handlers, ""));
  return { kind: "action", service, methods: methodTable(service, handlers) };
}
