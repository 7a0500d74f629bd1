// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, Message, MessageInitShape, MessageShape } from "@bufbuild/protobuf";

import type { ContextSource, HandlerContext } from "./handler-context.ts";
import { BaseContext } from "./handler-context.ts";
import { toMessage } from "./to-message.ts";
import type { ValueEntity } from "./value-entity-definition.ts";

/**
 * The context of a command handler of a value entity.
 *
 * A destructured `state` stays the state *before* the command, as any variable does. After an `update`, its result and
 * `context.state` are the new state.
 */
export interface ValueContext<State extends DescMessage> extends HandlerContext {
  readonly entityId: string;
  /** The state now, as this command has left it; the initial one if nothing is stored. Read it; never change it. */
  readonly state: MessageShape<State>;
  /** Whether there is a stored state. */
  readonly exists: boolean;
  /**
   * Replaces the whole state, and returns the new one. It is stored before the caller gets the reply. The last of
   * several changes in one command counts, and `fail` drops it.
   */
  readonly update: (state: MessageInitShape<State>) => MessageShape<State>;
  /** Deletes the state, as if the entity had never existed. It is stored, or dropped by `fail`, as an `update` is. */
  readonly remove: () => void;
}

/** The context as the runtime sees it. */
export class ValueCommand extends BaseContext implements ValueContext<DescMessage> {
  readonly entityId: string;
  state: Message;
  exists: boolean;
  /** The command's last change of the state. */
  change: "update" | "delete" | undefined;
  readonly #entity: ValueEntity;
  readonly #seal: (state: Message) => void;

  constructor(
    source: ContextSource,
    entity: ValueEntity,
    now: { readonly entityId: string; readonly state: Message; readonly exists: boolean },
    seal: (state: Message) => void,
  ) {
    super(source);
    this.entityId = now.entityId;
    this.state = now.state;
    this.exists = now.exists;
    this.#entity = entity;
    this.#seal = seal;
  }

  get update(): ValueContext<DescMessage>["update"] {
    return (init) => {
      this.checkOpen("update");
      this.#change("update", toMessage(this.#entity.state, init, "update", "BAD_MESSAGE"));
      return this.state;
    };
  }

  get remove(): ValueContext<DescMessage>["remove"] {
    return () => {
      this.checkOpen("remove");
      this.#change("delete", this.#entity.initial(this.entityId));
    };
  }

  #change(change: "update" | "delete", state: Message): void {
    this.#seal(state);
    this.state = state;
    this.exists = change === "update";
    this.change = change;
  }
}
