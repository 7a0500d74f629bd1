// SPDX-License-Identifier: Apache-2.0

import { toBinary } from "@bufbuild/protobuf";

import type { Failure } from "../protocol/gen/cloudstate/entity_pb.ts";
import type {
  EventSourcedEvent,
  EventSourcedInit,
  EventSourcedStreamIn,
  EventSourcedStreamOut,
} from "../protocol/gen/cloudstate/event_sourced_pb.ts";
import { EventSourcedStreamOutSchema } from "../protocol/gen/cloudstate/event_sourced_pb.ts";
import { pack, typeNameOf, unpack } from "./any.ts";
import type { ActiveEntity, InstanceOptions } from "./entity-instance.ts";
import { BaseInstance } from "./entity-instance.ts";
import type { Answered } from "./entity-out.ts";
import { eventSourcedOut, refused } from "./entity-out.ts";
import { ProtocolError } from "./error.ts";
import { EventSourcedCommand } from "./event-sourced-context.ts";
import type { EventSourcedEntity } from "./event-sourced-definition.ts";
import { applyEvent } from "./event-sourced-definition.ts";
import type { ContextSource } from "./handler-context.ts";
import type { Refusal } from "./refusal.ts";

interface Active extends ActiveEntity<EventSourcedEntity> {
  /** Number of events ever. */
  sequence: number;
  /** How many of them the newest known snapshot contains. */
  snapshotSequence: number;
}

/** Further options of event sourced entities. */
export interface EventSourcedInstanceOptions extends InstanceOptions<EventSourcedEntity> {
  /** Largest message that the stream takes, in bytes. Default: any. */
  readonly maxMessageBytes?: number;
  /** Called for a snapshot that is left out, because with it the answer would be larger than `maxMessageBytes`. */
  readonly onLargeSnapshot?: (entity: EventSourcedEntity, entityId: string, bytes: number) => void;
}

/** Size of the header that gRPC puts before each message. grpc-js counts it as part of the message. */
const FRAME_BYTES = 5;

/** An answer with a smaller snapshot is not measured, because it would have to be encoded for that. */
const SMALL_BYTES = 65_536;

/**
 * One event sourced entity on one stream (Cloudstate 0.2, `event_sourced.proto`). Beyond the invariants of
 * `BaseInstance`:
 *
 * 6. *Replay*: events come between init and the first command, in sequence without a gap.
 * 7. *A snapshot fails no command*: a snapshot that would make the answer larger than `maxMessageBytes` is left out.
 */
export class EventSourcedInstance extends BaseInstance<
  Active,
  EventSourcedCommand,
  EventSourcedStreamIn,
  EventSourcedStreamOut
> {
  readonly #options: EventSourcedInstanceOptions;
  #isServing = false;

  constructor(options: EventSourcedInstanceOptions) {
    super(options);
    this.#options = options;
  }

  protected override take(
    message: EventSourcedStreamIn["message"],
  ): EventSourcedStreamOut | Promise<EventSourcedStreamOut> | undefined {
    switch (message.case) {
      case "init":
        return this.#init(message.value);
      case "event":
        return this.#replay(message.value);
      case "command":
        this.#isServing = true;
        return this.command(message.value);
      case undefined:
        throw new ProtocolError("a message without content");
    }
  }

  #init({ serviceName, snapshot, entityId }: EventSourcedInit): undefined {
    const entity = this.definitionOf(serviceName);
    const state =
      snapshot === undefined
        ? entity.initial(entityId)
        : unpack(entity.state, snapshot.snapshot, `the snapshot of ${entity.persistenceId}`);
    this.seal(state);
    const sequence = snapshot === undefined ? 0 : Number(snapshot.snapshotSequence);
    this.active = { entity, entityId, state, sequence, snapshotSequence: sequence };
  }

  #replay(event: EventSourcedEvent): undefined {
    const { active } = this;
    if (active === undefined) throw new ProtocolError("an event before init");
    if (this.#isServing) throw new ProtocolError("an event after a command");
    const sequence = Number(event.sequence);
    if (sequence !== active.sequence + 1) {
      throw new ProtocolError(`event ${sequence} follows event ${active.sequence}`);
    }
    const what = `event ${sequence} of ${active.entity.persistenceId}`;
    const type = event.payload === undefined ? "" : typeNameOf(event.payload);
    const entry = active.entity.events.get(type);
    if (entry === undefined) throw new ProtocolError(`${what} is a ${type}, which has no event handler`);
    active.state = applyEvent(active.entity, entry, active.state, unpack(entry.schema, event.payload, what));
    active.sequence = sequence;
    this.seal(active.state);
  }

  protected override contextOf(source: ContextSource, active: Active): EventSourcedCommand {
    return new EventSourcedCommand(source, active.entity, active, this.seal);
  }

  protected override accept(
    answered: Answered,
    { state, sequence, events }: EventSourcedCommand,
    active: Active,
  ): EventSourcedStreamOut {
    const { snapshotEvery, state: schema } = active.entity;
    const due =
      passes(snapshotEvery, active.sequence, sequence) || isOverdue(snapshotEvery, active, sequence);
    const snapshot = due ? pack(schema, state) : undefined;
    active.state = state;
    active.sequence = sequence;
    if (due) active.snapshotSequence = sequence;
    const out = eventSourcedOut(answered, events, snapshot);
    return snapshot === undefined ? out : this.#fitting(out, active, snapshot.value.length);
  }

  /** Asks the proxy to forget an entity that emitted before it failed. The state here is the old one in any case. */
  protected override refuse(
    id: bigint,
    refusal: Refusal,
    context?: EventSourcedCommand,
  ): EventSourcedStreamOut {
    const isChanged = context !== undefined && context.events.length > 0;
    return eventSourcedOut(refused(id, refusal, isChanged));
  }

  protected override broken(value: Failure): EventSourcedStreamOut {
    return {
      $typeName: "cloudstate.eventsourced.EventSourcedStreamOut",
      message: { case: "failure", value },
    };
  }

  /** (7) */
  #fitting(out: EventSourcedStreamOut, active: Active, snapshotBytes: number): EventSourcedStreamOut {
    const { maxMessageBytes = Number.POSITIVE_INFINITY, onLargeSnapshot } = this.#options;
    const isSmall = snapshotBytes < Math.min(SMALL_BYTES, maxMessageBytes / 16);
    if (isSmall || out.message.case !== "reply") return out;
    if (FRAME_BYTES + toBinary(EventSourcedStreamOutSchema, out).length <= maxMessageBytes) return out;
    const { snapshot: _, ...value } = out.message.value;
    onLargeSnapshot?.(active.entity, active.entityId, snapshotBytes);
    return { ...out, message: { case: "reply", value } };
  }
}

/** True when a multiple of `every` lies in (before, after]. */
function passes(every: number, before: number, after: number): boolean {
  return every > 0 && Math.floor(before / every) < Math.floor(after / every);
}

/**
 * True for the first command with events after a replay without a usable snapshot, as after a change of the snapshot
 * version. Otherwise the entity would be replayed from its first event until the number of events passes a multiple.
 */
function isOverdue(every: number, { sequence: before, snapshotSequence }: Active, after: number): boolean {
  return every > 0 && after > before && after - snapshotSequence >= 2 * every;
}
