// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, Message, MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import { pack } from "./any.ts";
import { applyEvent, toMessage } from "./apply-event.ts";
import { CommandFailed, SdkError } from "./error.ts";
import type { EventSourcedEntity } from "./event-sourced.ts";

/**
 * What a command handler works with, for as long as its command runs.
 *
 * It may be taken apart: `addItem(command, { state, emit, fail })`. `emit` and `fail` are getters that bind
 * themselves, so nothing is bound that the handler does not name. `state` taken apart is the state *before* the
 * command, as any other variable would be; after an `emit`, its result and `context.state` are the new one.
 */
export interface CommandContext<State extends Message> {
  readonly entityId: string;
  /** The state now, after the events that this command has emitted. Read it; never change it. */
  readonly state: State;
  /** How many events the entity has had ever, with those of this command. */
  readonly sequence: number;
  /**
   * Records that something happened: applies the event at once and gives the new state. Stored, with all other
   * events of the command or not at all, before the caller gets the reply.
   */
  readonly emit: <Event extends DescMessage>(schema: Event, event: MessageInitShape<Event>) => State;
  /**
   * Refuses the command: leaves the handler, drops what it has emitted, and the caller gets the text. Works with
   * and without `return`; with it, the compiler knows that nothing follows.
   */
  readonly fail: (description: string) => never;
}

/** The context as the runtime sees it. One for each command, so that a late `emit` is told from a timely one. */
export class Command implements CommandContext<Message> {
  readonly entityId: string;
  state: Message;
  sequence: number;
  /** What `fail` was given first. A handler that swallows the throw has failed nevertheless. */
  failure: string | undefined;
  readonly events: Any[] = [];
  readonly #entity: EventSourcedEntity;
  readonly #seal: (state: Message) => void;
  #ended = false;

  constructor(
    entity: EventSourcedEntity,
    entityId: string,
    state: Message,
    sequence: number,
    seal: (state: Message) => void,
  ) {
    this.entityId = entityId;
    this.state = state;
    this.sequence = sequence;
    this.#entity = entity;
    this.#seal = seal;
  }

  get emit(): CommandContext<Message>["emit"] {
    return (schema, event) => this.#emit(schema, event);
  }

  get fail(): (description: string) => never {
    return (description) => this.#fail(description);
  }

  /** From here on the context is dead: what it would record would be lost. */
  end(): void {
    this.#ended = true;
  }

  #emit(schema: DescMessage, init: unknown): Message {
    this.#checkOpen("emit");
    const entry = this.#entity.events.get(schema.typeName);
    if (entry === undefined) {
      throw new SdkError(
        "UNKNOWN_EVENT",
        `${this.#entity.service.typeName} emits ${schema.typeName}, but its events have no on(...) for it`,
      );
    }
    const event = toMessage(schema, init, "emit");
    // Encoded before it is applied: what is stored is what was emitted, whatever the handler does to it.
    const packed = pack(schema, event);
    this.state = applyEvent(this.#entity, entry, this.state, event);
    this.#seal(this.state);
    // Last, so that an event that could not be applied is not stored, even if the handler swallows the error.
    this.events.push(packed);
    this.sequence += 1;
    return this.state;
  }

  #fail(description: string): never {
    this.#checkOpen("fail");
    this.failure ??= description;
    throw new CommandFailed(this.failure);
  }

  #checkOpen(what: string): void {
    if (!this.#ended) return;
    throw new SdkError(
      "COMMAND_ENDED",
      `${what} was called after its command had ended: await everything before the handler returns`,
    );
  }
}
