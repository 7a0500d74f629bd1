// SPDX-License-Identifier: Apache-2.0

import type {
  DescMessage,
  DescMethod,
  DescService,
  Message,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";

import type { OneResult } from "./answer.ts";
import type { EntityOptions } from "./definition.ts";
import { entityDefinition } from "./definition.ts";
import type { CommandContext } from "./event-sourced-context.ts";
import type { EventSourcedEntity } from "./event-sourced-definition.ts";
import { checkEventSourced, eventTable } from "./event-sourced-definition.ts";

/** The options of an event sourced entity, apart from its service and its state message. */
export interface EventSourcedOptions<Service extends DescService, State extends DescMessage>
  extends EntityOptions {
  /** The state before the first event. Default: the state message with nothing set. */
  readonly initial?: MessageInitShape<State> | ((entityId: string) => MessageInitShape<State>);
  /** A snapshot whenever the number of events passes a multiple of this. Default 100; 0 is never. */
  readonly snapshotEvery?: number;
  /**
   * The version of the snapshots that this code can use: up to 100 characters of your own, such as "2". Change it
   * whenever the same events now lead to another state than the one in older snapshots: when an `on(...)` has changed
   * what it does, or a field of the state has changed what it means. A snapshot with another version is not used, and
   * the events are replayed instead. Default "", which is also the version of snapshots that were made without one.
   * Needs a proxy of Perdure, because Cloudstate's knows no versions.
   */
  readonly snapshotVersion?: string;
  /** One handler for each method of the service, under its camelCase name. */
  readonly commands: CommandHandlers<Service, MessageShape<State>>;
  /** How each event changes the state: a list of `on(schema, apply)`. */
  readonly events: readonly EventHandler<MessageShape<State>>[];
}

export type CommandHandlers<Service extends DescService, State extends Message> = {
  readonly [Name in keyof Service["method"]]: CommandHandler<Service["method"][Name], State>;
};

/**
 * Decides about one command: reads `context.state`, emits events or fails, and returns the reply. May be async; the
 * entity's next command waits for it. May return nothing only if the reply is `google.protobuf.Empty`.
 */
export type CommandHandler<Method extends DescMethod, State extends Message> = Method extends {
  readonly methodKind: "unary";
}
  ? (command: MessageShape<Method["input"]>, context: CommandContext<State>) => OneResult<Method["output"]>
  : "Event sourced entities cannot have streamed methods";

/** The fields of a message, or the message itself. */
export type Init<Shape extends Message> = MessageInitShape<GenMessage<Shape>>;

/** Made by `on`. */
export interface EventHandler<State extends Message> {
  readonly schema: DescMessage;
  readonly apply: (state: State, event: never) => Init<State>;
}

/**
 * Says how an event changes the state. `apply` returns the new state, or the fields of it; it must not change the
 * state or the event that it is given, must not fail and must depend on nothing else, since it runs again at each
 * replay.
 */
export function on<State extends Message, Event extends DescMessage>(
  schema: Event,
  apply: (state: State, event: MessageShape<Event>) => Init<NoInfer<State>>,
): EventHandler<State> {
  return { schema, apply };
}

const DEFAULT_SNAPSHOT_EVERY = 100;

/**
 * Defines an event sourced entity: its state is the fold of its events, and its commands emit them.
 *
 * The state's descriptor stands before the options, because the compiler then knows it when it reads the `on(...)`
 * among them. Snapshots are this message.
 *
 * @throws SdkError `BAD_ENTITY` that names everything that is wrong, for what the compiler did not see.
 */
export function eventSourced<Service extends DescService, State extends DescMessage>(
  service: Service,
  state: State,
  options: EventSourcedOptions<Service, State>,
): EventSourcedEntity<Service, State> {
  checkEventSourced(service, state, options);
  return {
    kind: "eventSourced",
    ...entityDefinition(service, state, options),
    snapshotEvery: options.snapshotEvery ?? DEFAULT_SNAPSHOT_EVERY,
    snapshotVersion: options.snapshotVersion ?? "",
    events: eventTable(options.events),
  };
}
