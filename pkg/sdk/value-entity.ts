// SPDX-License-Identifier: Apache-2.0

import type {
  DescMessage,
  DescMethod,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";

import type { OneResult } from "./answer.ts";
import type { EntityOptions } from "./definition.ts";
import { checkService, checkState, entityDefinition, entityFaults, refuse } from "./definition.ts";
import type { ValueContext } from "./value-entity-context.ts";
import type { ValueEntity } from "./value-entity-definition.ts";

/** The options of a value entity, apart from its service and its state message. */
export interface ValueEntityOptions<Service extends DescService, State extends DescMessage>
  extends EntityOptions {
  /** The state while nothing is stored. Default: the state message with nothing set. */
  readonly initial?: MessageInitShape<State> | ((entityId: string) => MessageInitShape<State>);
  /** One handler for each method of the service, under its camelCase name. */
  readonly commands: ValueCommandHandlers<Service, State>;
}

export type ValueCommandHandlers<Service extends DescService, State extends DescMessage> = {
  readonly [Name in keyof Service["method"]]: ValueCommandHandler<Service["method"][Name], State>;
};

/**
 * Decides about one command: reads `context.state`, updates or removes it or fails, and returns the reply. May be
 * async; the entity's next command waits for it. May return nothing only if the reply is `google.protobuf.Empty`.
 */
export type ValueCommandHandler<Method extends DescMethod, State extends DescMessage> = Method extends {
  readonly methodKind: "unary";
}
  ? (command: MessageShape<Method["input"]>, context: ValueContext<State>) => OneResult<Method["output"]>
  : "Value entities cannot have streamed methods";

/**
 * Defines a value entity: its state is one message, which its commands replace or remove as a whole.
 *
 * @throws SdkError `BAD_ENTITY` that names everything that is wrong, for what the compiler did not see.
 */
export function valueEntity<Service extends DescService, State extends DescMessage>(
  service: Service,
  state: State,
  options: ValueEntityOptions<Service, State>,
): ValueEntity<Service, State> {
  checkService("valueEntity", service);
  checkState(service, state);
  refuse(service, entityFaults(service, options, "value entities"));
  return { kind: "value", ...entityDefinition(service, state, options) };
}
