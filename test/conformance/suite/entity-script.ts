// SPDX-License-Identifier: Apache-2.0

import type { Answer } from "../kinds/answer.ts";
import type { EntityKind } from "../kinds/entity-kind.ts";
import type { Case, ServiceSide } from "./case.ts";
import { entityOf } from "./case.ts";
import { Conversation } from "./conversation.ts";
import { expectEqual } from "./expectation.ts";

/** What a request asks for, and what must come back. */
export type Step<Action, Change> = readonly [actions: readonly Action[], answer: Answer<Change>];

/** One activation of an entity: the stored state that it begins with, and the commands until it is passivated. */
export interface Activation<Action, Stored, Change> {
  readonly stored?: Stored;
  readonly steps: readonly Step<Action, Change>[];
}

/** A case in which a model entity is activated once or several times, and passivated at the end of each activation. */
export function entityCase<Action, Stored, Change>(
  kind: EntityKind<Action, Stored, Change>,
  name: string,
  ...activations: readonly Activation<Action, Stored, Change>[]
): Case<ServiceSide> {
  return {
    name,
    needs: [kind.model.parent, kind.two.parent],
    async run(side) {
      const id = side.nextEntityId();
      for (const { stored, steps } of activations) {
        const entity = new ActiveEntity(side, kind, id, stored);
        for (const [actions, answer] of steps) await entity.process(actions, answer);
        await entity.passivate();
      }
    },
  };
}

/** A model entity, as its proxy sees it. */
export class ActiveEntity<Action, Stored, Change> {
  readonly #kind: EntityKind<Action, Stored, Change>;
  readonly #id: string;
  readonly #stream: Conversation;
  #commands = 0;

  /** Opens its stream and activates it. */
  constructor(
    { service, withinMs }: ServiceSide,
    kind: EntityKind<Action, Stored, Change>,
    id: string,
    stored?: Stored,
  ) {
    this.#kind = kind;
    this.#id = id;
    this.#stream = new Conversation(service, kind.path, kind.streamOut, withinMs);
    for (const message of kind.activation(kind.model.parent, id, stored)) {
      this.#stream.send(kind.streamIn, message);
    }
  }

  /** One command, which must be answered by one of these. @returns by which one. */
  async process(
    actions: readonly Action[],
    answer: Answer<Change>,
    ...others: readonly Answer<Change>[]
  ): Promise<Answer<Change>> {
    this.#commands += 1;
    const id = this.#commands;
    const command = { id, entityId: this.#id, method: this.#kind.model, actions };
    this.#stream.send(this.#kind.streamIn, this.#kind.command(command));
    const messages = others.map((other) => this.#kind.answer(id, other));
    const index = await this.#stream.expect(this.#kind.answer(id, answer), ...messages);
    return others[index - 1] ?? answer;
  }

  /** Half-closes, and waits for the other half. */
  async passivate(): Promise<void> {
    await this.#stream.complete().expectCompletion();
  }
}

/** A case that checks the discovery of the model and of the second service. */
export function discoveryCase(
  { protocol, model, two }: EntityKind<never, never, never>,
  name: string,
  persistenceIds: readonly string[],
): Case<ServiceSide> {
  return {
    name,
    needs: [model.parent, two.parent],
    async run({ spec }) {
      const found = [model, two].map(({ parent }) => entityOf(spec, parent));
      const types = found.map((entity) => entity?.entityType);
      expectEqual("types of the entities", types, [protocol, protocol]);
      const ids = found.map((entity) => entity?.persistenceId).slice(0, persistenceIds.length);
      expectEqual("their persistence ids", ids, persistenceIds);
    },
  };
}

/** A case that checks the discovery of the service with a short passivation time-out. */
export function configuredCase(
  { protocol, configured }: EntityKind<never, never, never>,
  name: string,
  persistenceId: string,
): Case<ServiceSide> {
  return {
    name,
    needs: [configured.parent],
    async run({ spec }) {
      const entity = entityOf(spec, configured.parent);
      expectEqual("type of the entity", entity?.entityType, protocol);
      expectEqual("its persistence id", entity?.persistenceId, persistenceId);
      const strategy = entity?.passivationStrategy?.strategy;
      const timeoutMs = strategy?.case === "timeout" ? strategy.value.timeout : undefined;
      expectEqual("milliseconds until it leaves memory", timeoutMs, 100n);
    },
  };
}
