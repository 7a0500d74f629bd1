// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, DescMethodUnary, DescService, Message } from "@bufbuild/protobuf";

import type { Answer } from "./answer.ts";

/**
 * One kind of stateful entity: how to send requests to its model, and how they look in its protocol. `Action` is what
 * a request asks for, `Stored` what the proxy has stored of an entity when it activates it, `Change` how a command
 * changes the state.
 */
export interface EntityKind<Action, Stored, Change> {
  /** The protocol's method, one stream for each active entity. */
  readonly path: string;
  readonly protocol: string;
  readonly streamIn: DescMessage;
  readonly streamOut: DescMessage;
  /** The model service, the target of its forwards and effects, and a service with a short passivation time-out. */
  readonly model: DescMethodUnary;
  readonly two: DescMethodUnary;
  readonly configured: DescMethodUnary;

  /** A request to any of the three, as its message. */
  request(entityId: string, actions: readonly Action[]): Message;
  /** The first messages of a stream. */
  activation(service: DescService, entityId: string, stored?: Stored): Message[];
  command(given: CommandOf<Action>): Message;
  /** The user function's answer to the command with this id. */
  answer(commandId: number, answer: Answer<Change>): Message;
  /** The response that the caller gets. */
  response(message: string): Message;
  /** The HTTP path of requests to the model. */
  httpPath(entityId: string): string;
}

export interface CommandOf<Action> {
  readonly id: number;
  readonly entityId: string;
  readonly method: DescMethodUnary;
  readonly actions: readonly Action[];
}
