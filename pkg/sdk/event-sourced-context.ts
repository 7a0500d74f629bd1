// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, Message, MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import { pack } from "./any.ts";
import { SdkError } from "./error.ts";
import type { EventSourcedEntity } from "./event-sourced-definition.ts";
import { applyEvent } from "./event-sourced-definition.ts";
import type { ContextSource, HandlerContext } from "./handler-context.ts";
import { BaseContext } from "./handler-context.ts";
import { toMessage } from "./to-message.ts";

/**
 * The context of a command handler of an event sourced entity.
 *
 * A destructured `state` stays the state *before* the command, as any variable does. After an `emit`, its result and
 * `context.state` are the new state.
 */
export interface CommandContext<State extends Message> extends HandlerContext {
  readonly entityId: string;
  /** The state now, after the events that this command has emitted. Read it; never change it. */
  readonly state: State;
  /** The number of all events of the entity so far, including those of this command. */
  readonly sequence: number;
  /**
   * Records an event: applies it at once and returns the new state. The events of a command are stored all or none,
   * before the caller gets the reply. `fail` drops them.
   */
  readonly emit: <Event extends DescMessage>(schema: Event, event: MessageInitShape<Event>) => State;
}

/** The context as the runtime sees it. */
export class EventSourcedCommand extends BaseContext implements CommandContext<Message> {
  readonly entityId: string;
  state: Message;
  sequence: number;
  readonly events: Any[] = [];
  readonly #entity: EventSourcedEntity;
  readonly #seal: (state: Message) => void;

  constructor(
    source: ContextSource,
    entity: EventSourcedEntity,
    now: { readonly entityId: string; readonly state: Message; readonly sequence: number },
    seal: (state: Message) => void,
  ) {
    super(source);
    this.entityId = now.entityId;
    this.state = now.state;
    this.sequence = now.sequence;
    this.#entity = entity;
    this.#seal = seal;
  }

  get emit(): CommandContext<Message>["emit"] {
    return (schema, init) => {
      this.checkOpen("emit");
      const entry = this.#entity.events.get(schema.typeName);
      if (entry === undefined) {
        const text = `${this.#entity.service.typeName} emits ${schema.typeName}, but its events have no on(...) for it`;
        throw new SdkError("UNKNOWN_EVENT", text);
      }
      const event = toMessage(schema, init, "emit", "BAD_MESSAGE");
      // Encoded before it is applied, so that the event is stored as it was emitted even if the handler changes it.
      const packed = pack(schema, event);
      this.state = applyEvent(this.#entity, entry, this.state, event);
      this.#seal(this.state);
      // Last, so that an event that could not be applied is not stored, even if the handler swallows the error.
      this.events.push(packed);
      this.sequence += 1;
      return this.state;
    };
  }
}
