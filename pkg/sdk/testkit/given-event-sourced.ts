// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, DescService, Message, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";

import { pack } from "../any.ts";
import type { EventSourcedEntity } from "../event-sourced-definition.ts";
import type { Answered } from "./answered.ts";
import { TestkitError } from "./error.ts";
import type { History } from "./run-event-sourced.ts";
import { run } from "./run-event-sourced.ts";

/** An entity with a history. Immutable: each step returns a new one, so that tests can share a history. */
export interface Given<Service extends DescService, State extends DescMessage> {
  /** A snapshot, and the number of events in it (default 1). Replaces the history that was given before. */
  state(state: MessageInitShape<State>, sequence?: number): Given<Service, State>;
  /** One more event, with the arguments of `emit`. */
  event<Event extends DescMessage>(schema: Event, event: MessageInitShape<Event>): Given<Service, State>;
  /** More events, as messages, such as those of an earlier outcome. */
  events(...events: readonly Message[]): Given<Service, State>;
  /**
   * The snapshot that code with this `snapshotVersion` stored after the events so far: a state, or the bytes of one
   * as that code stored it. As with a proxy, the entity starts from the snapshot if the version is its own, and
   * otherwise replays the events. With its own version, `when` rejects with `TestkitError` if the events lead to
   * another state than the snapshot, because the entity then needs another `snapshotVersion`.
   */
  snapshot(version: string, state: MessageInitShape<State> | Uint8Array): Given<Service, State>;
  /**
   * Sends a command, by the camelCase name of its method, and resolves with the outcome. Rejects with `TestkitError`
   * where a server would end the stream; its `cause` is the error that the handler threw.
   */
  when<Name extends keyof Service["method"] & string>(
    method: Name,
    command?: MessageInitShape<Service["method"][Name]["input"]>,
  ): Promise<Outcome<Service, State, Service["method"][Name]["output"]>>;
}

/** The outcome of a command. */
export interface Outcome<
  Service extends DescService,
  State extends DescMessage,
  Reply extends DescMessage = DescMessage,
> extends Answered<Reply> {
  /** The stored events, in order; none if the command was refused. */
  readonly events: readonly Message[];
  /** The state afterwards. */
  readonly state: MessageShape<State>;
  /** Whether the state was stored as a snapshot. */
  readonly snapshot: boolean;
  /** The entity with these events in its past, for the next command. */
  readonly afterwards: Given<Service, State>;
}

export function givenEventSourced<Service extends DescService, State extends DescMessage>(
  entity: EventSourcedEntity<Service, State>,
  entityId: string,
): Given<Service, State> {
  return past(entity, { entityId, snapshot: undefined, events: [], stored: undefined });
}

function past<Service extends DescService, State extends DescMessage>(
  entity: EventSourcedEntity<Service, State>,
  history: History,
): Given<Service, State> {
  const more = (events: readonly Message[]): Given<Service, State> =>
    past(entity, {
      ...history,
      events: [...history.events, ...events.map((event) => stored(entity, event))],
    });
  return {
    state: (state, sequence = 1) =>
      past(entity, {
        ...history,
        snapshot: { sequence, state: pack(entity.state, create(entity.state, state)) },
        events: [],
        stored: undefined,
      }),
    event: (schema, event) => more([create(schema, event)]),
    events: (...events) => more(events),
    snapshot: (version, state) =>
      past(entity, { ...history, stored: snapshotOf(entity, history, version, state) }),
    when: async <Name extends keyof Service["method"] & string>(
      method: Name,
      command?: MessageInitShape<Service["method"][Name]["input"]>,
    ) => {
      const { read, events, state, snapshot } = await run(entity, history, method, command);
      const answered = read({
        events,
        state: state as MessageShape<State>,
        snapshot,
        afterwards: more(events),
      });
      return answered as Outcome<Service, State, Service["method"][Name]["output"]>;
    },
  };
}

function snapshotOf<State extends DescMessage>(
  { state: schema }: EventSourcedEntity<DescService, State>,
  { snapshot, events }: History,
  version: string,
  state: MessageInitShape<State> | Uint8Array,
): History["stored"] {
  if (snapshot === undefined && events.length === 0) {
    throw new TestkitError("a snapshot stands for events: give those that it contains before it");
  }
  const packed = pack(schema, create(schema, state instanceof Uint8Array ? undefined : state));
  return {
    version,
    state: state instanceof Uint8Array ? { ...packed, value: state } : packed,
    after: events.length,
  };
}

function stored(entity: EventSourcedEntity, event: Message): History["events"][number] {
  const entry = entity.events.get(event.$typeName);
  if (entry === undefined) {
    throw new TestkitError(`${entity.service.typeName} has no on(...) for the event ${event.$typeName}`);
  }
  return pack(entry.schema, event);
}
