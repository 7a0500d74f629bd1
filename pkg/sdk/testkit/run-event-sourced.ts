// SPDX-License-Identifier: Apache-2.0

import type { Message } from "@bufbuild/protobuf";
import { create, equals, toJsonString } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import type {
  EventSourcedReply,
  EventSourcedStreamIn,
  EventSourcedStreamOut,
} from "../../protocol/gen/cloudstate/event_sourced_pb.ts";
import { EventSourcedStreamInSchema } from "../../protocol/gen/cloudstate/event_sourced_pb.ts";
import { typeNameOf, unpack } from "../any.ts";
import type { EventSourcedEntity } from "../event-sourced-definition.ts";
import { EventSourcedInstance } from "../event-sourced-instance.ts";
import type { Answered } from "./answered.ts";
import { Targets } from "./answered.ts";
import { commandOf, methodOf } from "./command.ts";
import { deepFreeze } from "./deep-freeze.ts";
import { TestkitError } from "./error.ts";

/** What the log stores of an entity. */
export interface History {
  readonly entityId: string;
  readonly snapshot: { readonly sequence: number; readonly state: Any } | undefined;
  /** Those after the snapshot. */
  readonly events: readonly Any[];
  /** A snapshot that code of some version stored after the first `after` of these events. */
  readonly stored: { readonly version: string; readonly state: Any; readonly after: number } | undefined;
}

export interface Result {
  /** Decodes the command's answer, and adds `more` that the caller knows. */
  readonly read: <More extends object>(more: More) => Answered & More;
  readonly events: readonly Message[];
  readonly state: Message;
  readonly snapshot: boolean;
}

/** Activates the entity from its history, sends it one command, and checks that a replay leads to the same state. */
export async function run(
  entity: EventSourcedEntity,
  history: History,
  methodName: string,
  init: unknown,
): Promise<Result> {
  const method = methodOf(entity.service, methodName);
  const targets = new Targets();
  const from = restored(entity, history);
  const active = activate(entity, from, targets);
  const out = await active.receive({ case: "command", value: commandOf(history.entityId, method, init) });
  const reply = replyOf(out, methodName);
  const action = reply.clientAction?.action ?? { case: undefined };
  const events = reply.events.map((event) => decodeEvent(entity, event));
  const state = active.state();
  checkReplay(entity, { ...from, events: [...from.events, ...reply.events] }, state, methodName);
  return {
    read: (more) => targets.read(method, { action, sideEffects: reply.sideEffects }, more),
    events,
    state,
    snapshot: reply.snapshot !== undefined,
  };
}

/** The history as a proxy sends it to the entity: with the stored snapshot only if its version is the entity's own. */
function restored(entity: EventSourcedEntity, history: History): History {
  const { stored, snapshot, events } = history;
  if (stored === undefined || stored.version !== entity.snapshotVersion) return history;
  const before = { ...history, events: events.slice(0, stored.after) };
  checkSnapshot(entity, stored.state, activate(entity, before).state());
  const sequence = (snapshot?.sequence ?? 0) + stored.after;
  return { ...history, snapshot: { sequence, state: stored.state }, events: events.slice(stored.after) };
}

/** With changed code the same events may lead to another state. Then older snapshots must not be used. */
function checkSnapshot(entity: EventSourcedEntity, snapshot: Any, replayed: Message): void {
  const advice = `older snapshots must not be used: give it another snapshotVersion than ${JSON.stringify(entity.snapshotVersion)}`;
  let state: Message;
  try {
    state = unpack(entity.state, snapshot, "the snapshot");
  } catch (cause) {
    throw new TestkitError(`${entity.service.typeName} cannot read the snapshot, so ${advice}`, { cause });
  }
  if (equals(entity.state, state, replayed)) return;
  throw new TestkitError(
    `the events lead ${entity.service.typeName} to another state than the snapshot after them, so ${advice}:\n` +
      `  the snapshot ${toJsonString(entity.state, state)}\n` +
      `  the events   ${toJsonString(entity.state, replayed)}`,
  );
}

interface ActiveEntity {
  receive(message: EventSourcedStreamIn["message"]): Promise<EventSourcedStreamOut | undefined>;
  state(): Message;
}

/** An instance that has replayed the history. Every error that would end the stream is raised, with its cause. */
function activate(entity: EventSourcedEntity, history: History, { check } = new Targets()): ActiveEntity {
  let cause: unknown;
  const instance = new EventSourcedInstance({
    find: () => entity,
    check,
    report: (_text, error) => {
      cause = error;
    },
    seal: deepFreeze,
  });
  const checked = (out: EventSourcedStreamOut | undefined): EventSourcedStreamOut | undefined => {
    if (out?.message.case !== "failure") return out;
    throw new TestkitError(`the entity ended its stream: ${out.message.value.description}`, { cause });
  };
  const replay = (message: EventSourcedStreamIn["message"]): void => {
    const out = instance.receive(create(EventSourcedStreamInSchema, { message }));
    if (!(out instanceof Promise)) checked(out);
  };
  for (const message of historyMessages(entity, history)) replay(message);
  return {
    receive: async (message) =>
      checked(await instance.receive(create(EventSourcedStreamInSchema, { message }))),
    state: () => instance.state ?? entity.initial(history.entityId),
  };
}

function* historyMessages(
  entity: EventSourcedEntity,
  { entityId, snapshot, events }: History,
): Iterable<EventSourcedStreamIn["message"]> {
  yield {
    case: "init",
    value: {
      $typeName: "cloudstate.eventsourced.EventSourcedInit",
      serviceName: entity.service.typeName,
      entityId,
      snapshot: snapshot && {
        $typeName: "cloudstate.eventsourced.EventSourcedSnapshot",
        snapshotSequence: BigInt(snapshot.sequence),
        snapshot: snapshot.state,
      },
    },
  };
  let sequence = BigInt(snapshot?.sequence ?? 0);
  for (const payload of events) {
    sequence += 1n;
    yield {
      case: "event",
      value: { $typeName: "cloudstate.eventsourced.EventSourcedEvent", sequence, payload },
    };
  }
}

/** A replay must lead to the same state as the command, because otherwise the log and the memory disagree. */
function checkReplay(entity: EventSourcedEntity, history: History, state: Message, method: string): void {
  const replayed = activate(entity, history).state();
  if (equals(entity.state, state, replayed)) return;
  throw new TestkitError(
    `the events that ${method} emitted lead to another state when they are replayed, so an on(...) depends on ` +
      `more than the state and the event:\n  in the command ${toJsonString(entity.state, state)}\n` +
      `  replayed       ${toJsonString(entity.state, replayed)}`,
  );
}

function replyOf(out: EventSourcedStreamOut | undefined, method: string): EventSourcedReply {
  if (out?.message.case === "reply") return out.message.value;
  throw new TestkitError(`${method} was not answered`);
}

function decodeEvent(entity: EventSourcedEntity, event: Any): Message {
  const type = typeNameOf(event);
  const entry = entity.events.get(type);
  if (entry === undefined) throw new TestkitError(`no on(...) for the event ${type}`);
  return unpack(entry.schema, event, `the event ${type}`);
}
