// SPDX-License-Identifier: Apache-2.0

import type { DescMethod, Message } from "@bufbuild/protobuf";
import { create, equals, toJsonString } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import type {
  EventSourcedReply,
  EventSourcedStreamIn,
  EventSourcedStreamOut,
} from "../../protocol/gen/cloudstate/event_sourced_pb.ts";
import { EventSourcedStreamInSchema } from "../../protocol/gen/cloudstate/event_sourced_pb.ts";
import { pack, typeNameOf, unpack } from "../any.ts";
import type { EventSourcedEntity } from "../event-sourced.ts";
import { EventSourcedInstance } from "../event-sourced-instance.ts";
import { toMessage } from "../to-message.ts";
import { deepFreeze } from "./deep-freeze.ts";
import { TestkitError } from "./error.ts";

/** What the log has of an entity. */
export interface History {
  readonly entityId: string;
  readonly snapshot: { readonly sequence: number; readonly state: Any } | undefined;
  /** Those after the snapshot. */
  readonly events: readonly Any[];
}

export interface Result {
  readonly reply: Message | undefined;
  readonly failure: string | undefined;
  readonly events: readonly Message[];
  readonly state: Message;
  readonly snapshot: boolean;
}

const COMMAND_ID = 1n;

/** Activates the entity from its history, gives it one command, and checks that the events alone lead there too. */
export async function run(
  entity: EventSourcedEntity,
  history: History,
  methodName: string,
  init: unknown,
): Promise<Result> {
  const method = methodOf(entity, methodName);
  const active = activate(entity, history);
  const input = toMessage(method.input, init ?? {}, `the command of ${methodName}`, "BAD_MESSAGE");
  const out = await active.receive({
    case: "command",
    value: {
      $typeName: "cloudstate.Command",
      entityId: history.entityId,
      id: COMMAND_ID,
      name: method.name,
      payload: pack(method.input, input),
      streamed: false,
    },
  });
  const reply = replyOf(out, methodName);
  const events = reply.events.map((event) => decodeEvent(entity, event));
  const state = active.state();
  checkReplay(entity, { ...history, events: [...history.events, ...reply.events] }, state, methodName);
  return {
    ...clientAction(reply, method),
    events,
    state,
    snapshot: reply.snapshot !== undefined,
  };
}

interface ActiveEntity {
  receive(message: EventSourcedStreamIn["message"]): Promise<EventSourcedStreamOut | undefined>;
  state(): Message;
}

/** An instance that has replayed the history. Every break of the stream is raised, with its cause. */
function activate(entity: EventSourcedEntity, history: History): ActiveEntity {
  let cause: unknown;
  const instance = new EventSourcedInstance({
    find: () => entity,
    check: () => undefined,
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

/** A restart of the entity must come to the same state, or the log means something else than the memory. */
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

function clientAction(
  { clientAction: answer }: EventSourcedReply,
  method: DescMethod,
): Pick<Result, "reply" | "failure"> {
  const action = answer?.action;
  if (action?.case === "failure") return { reply: undefined, failure: action.value.description };
  const payload = action?.case === "reply" ? action.value.payload : undefined;
  return { reply: unpack(method.output, payload, `the reply of ${method.name}`), failure: undefined };
}

function decodeEvent(entity: EventSourcedEntity, event: Any): Message {
  const type = typeNameOf(event);
  const entry = entity.events.get(type);
  if (entry === undefined) throw new TestkitError(`no on(...) for the event ${type}`);
  return unpack(entry.schema, event, `the event ${type}`);
}

function methodOf(entity: EventSourcedEntity, name: string): DescMethod {
  const method = entity.service.method[name];
  if (method !== undefined) return method;
  const known = Object.keys(entity.service.method).join(", ");
  throw new TestkitError(`${entity.service.typeName} has no method ${name}; it has ${known}`);
}
