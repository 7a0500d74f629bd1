// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, DescMethodUnary, DescService, Message } from "@bufbuild/protobuf";

import type { Answer } from "./answer.ts";

/**
 * One kind of stateful entity: how its model is asked, and how that looks in its protocol. `Action` is what a request
 * asks for, `Stored` what a proxy knows of an entity when it activates it, `Change` what a command makes of the state.
 */
export interface EntityKind<Action, Stored, Change> {
  /** The protocol's method, one stream for each active entity. */
  readonly path: string;
  readonly protocol: string;
  readonly streamIn: DescMessage;
  readonly streamOut: DescMessage;
  /** The model, the target of its forwards and effects, and the one that leaves memory soon. */
  readonly model: DescMethodUnary;
  readonly two: DescMethodUnary;
  readonly configured: DescMethodUnary;

  /** A request to any of the three, as its message. */
  request(entityId: string, actions: readonly Action[]): Message;
  /** What a stream begins with. */
  activation(service: DescService, entityId: string, stored?: Stored): Message[];
  command(given: CommandOf<Action>): Message;
  /** What goes back for the command with this id. */
  answer(commandId: number, answer: Answer<Change>): Message;
  /** What the caller gets. */
  response(message: string): Message;
  /** Where the model is asked by HTTP. */
  httpPath(entityId: string): string;
}

export interface CommandOf<Action> {
  readonly id: number;
  readonly entityId: string;
  readonly method: DescMethodUnary;
  readonly actions: readonly Action[];
}
