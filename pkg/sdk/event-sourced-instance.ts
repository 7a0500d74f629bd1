// SPDX-License-Identifier: Apache-2.0

import type { Message } from "@bufbuild/protobuf";
import { toBinary } from "@bufbuild/protobuf";

import type { Command } from "../protocol/gen/cloudstate/entity_pb.ts";
import type {
  EventSourcedEvent,
  EventSourcedInit,
  EventSourcedStreamIn,
  EventSourcedStreamOut,
} from "../protocol/gen/cloudstate/event_sourced_pb.ts";
import { EventSourcedStreamOutSchema } from "../protocol/gen/cloudstate/event_sourced_pb.ts";
import { pack, typeNameOf, unpack } from "./any.ts";
import { applyEvent } from "./apply-event.ts";
import type { EntityInstance, InstanceOptions } from "./entity-instance.ts";
import { NO_COMMAND, reportBroken } from "./entity-instance.ts";
import { broken, eventSourcedOut, refused } from "./entity-out.ts";
import { ProtocolError } from "./error.ts";
import { EventSourcedCommand } from "./event-sourced-context.ts";
import type { EventSourcedEntity } from "./event-sourced-definition.ts";
import type { CommandOutcome } from "./run-command.ts";
import { openCommand, runCommand } from "./run-command.ts";

/** An entity in memory: its definition, and its state after the events so far. */
interface Active {
  readonly entity: EventSourcedEntity;
  readonly entityId: string;
  state: Message;
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

type Phase = "created" | "replaying" | "serving" | "ended";

const ignore = (): void => undefined;

/** Size of the header that gRPC puts before each message. grpc-js counts it as part of the message. */
const FRAME_BYTES = 5;

/** An answer with a smaller snapshot is not measured, because it would have to be encoded for that. */
const SMALL_BYTES = 65_536;

/**
 * One event sourced entity on one stream, without the stream. The server and the test kit both drive this. (Cloudstate
 * 0.2, `event_sourced.proto`.)
 *
 * 1. *Order*: init, then events in sequence without a gap, then commands. Anything else is a "Protocol error".
 * 2. *One command at a time*: the server or test kit waits for an answer before it passes the next message.
 * 3. *All or nothing*: a command's events change `state` only together with an answer that carries them all.
 * 4. *Failure*: `fail` answers the command, without events and effects, and the entity goes on; any other throw ends
 *    the stream.
 * 5. *The end is final*: after a message of case `failure` nothing is answered, and the stream must be ended.
 * 6. *A snapshot fails no command*: a snapshot that would make the answer larger than `maxMessageBytes` is left out.
 */
export class EventSourcedInstance implements EntityInstance<EventSourcedStreamIn, EventSourcedStreamOut> {
  readonly #options: EventSourcedInstanceOptions;
  readonly #seal: (state: Message) => void;
  #phase: Phase = "created";
  #active: Active | undefined;
  #outcome: CommandOutcome<EventSourcedCommand, EventSourcedStreamOut> | undefined;

  constructor(options: EventSourcedInstanceOptions) {
    this.#options = options;
    this.#seal = options.seal ?? ignore;
  }

  /** The state after everything that was stored. Undefined before init. */
  get state(): Message | undefined {
    return this.#active?.state;
  }

  get sequence(): number {
    return this.#active?.sequence ?? 0;
  }

  receive(message: EventSourcedStreamIn): EventSourcedStreamOut | Promise<EventSourcedStreamOut> | undefined {
    if (this.#phase === "ended") return undefined;
    const input = message.message;
    try {
      switch (input.case) {
        case "init":
          return this.#init(input.value);
        case "event":
          return this.#replay(input.value);
        case "command":
          return this.#command(input.value);
        case undefined:
          throw new ProtocolError("a message without content");
      }
    } catch (error) {
      if (input.case !== "command") return this.#break(NO_COMMAND, undefined, error);
      return this.#break(input.value.id, input.value.name, error);
    }
  }

  #init(init: EventSourcedInit): undefined {
    if (this.#phase !== "created") throw new ProtocolError("init came twice");
    const entity = this.#options.find(init.serviceName);
    if (entity === undefined) throw new ProtocolError(`unknown service ${init.serviceName}`);
    const { snapshot, entityId } = init;
    const state =
      snapshot === undefined
        ? entity.initial(entityId)
        : unpack(entity.state, snapshot.snapshot, `the snapshot of ${entity.persistenceId}`);
    this.#seal(state);
    const sequence = snapshot === undefined ? 0 : Number(snapshot.snapshotSequence);
    this.#active = { entity, entityId, state, sequence, snapshotSequence: sequence };
    this.#phase = "replaying";
  }

  #replay(event: EventSourcedEvent): undefined {
    const active = this.#active;
    if (active === undefined) throw new ProtocolError("an event before init");
    if (this.#phase === "serving") throw new ProtocolError("an event after a command");
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
    this.#seal(active.state);
  }

  #command(message: Command): EventSourcedStreamOut | Promise<EventSourcedStreamOut> {
    const active = this.#active;
    if (active === undefined) throw new ProtocolError("a command before init");
    const open = openCommand(active.entity, active.entityId, message);
    this.#phase = "serving";
    if ("refusal" in open) return eventSourcedOut(refused(open.id, open.refusal, false), [], undefined);
    const source = { entry: open.entry, metadata: message.metadata, check: this.#options.check, once: true };
    return runCommand(
      open,
      new EventSourcedCommand(source, active.entity, active, this.#seal),
      (this.#outcome ??= this.#outcomeOf(active)),
    );
  }

  #outcomeOf(active: Active): CommandOutcome<EventSourcedCommand, EventSourcedStreamOut> {
    const { snapshotEvery, state: schema } = active.entity;
    return {
      answered: (commandId, command, action) => {
        const { state, sequence, events } = command;
        const due =
          passes(snapshotEvery, active.sequence, sequence) || isOverdue(snapshotEvery, active, sequence);
        const snapshot = due ? pack(schema, state) : undefined;
        active.state = state;
        active.sequence = sequence;
        if (due) active.snapshotSequence = sequence;
        const out = eventSourcedOut({ commandId, action, effects: command.takeEffects() }, events, snapshot);
        return snapshot === undefined ? out : this.#fitting(out, active, snapshot.value.length);
      },
      // Asks the proxy to forget an entity that emitted before it failed. The state here is the old one in any case.
      failed: (commandId, { events }, refusal) =>
        eventSourcedOut(refused(commandId, refusal, events.length > 0), [], undefined),
      broken: ({ id, entry }, error) => this.#break(id, entry.method.name, error),
    };
  }

  /** (6) */
  #fitting(out: EventSourcedStreamOut, active: Active, snapshotBytes: number): EventSourcedStreamOut {
    const { maxMessageBytes = Number.POSITIVE_INFINITY, onLargeSnapshot = ignore } = this.#options;
    const isSmall = snapshotBytes < Math.min(SMALL_BYTES, maxMessageBytes / 16);
    if (isSmall || out.message.case !== "reply") return out;
    if (FRAME_BYTES + toBinary(EventSourcedStreamOutSchema, out).length <= maxMessageBytes) return out;
    const { snapshot: _, ...value } = out.message.value;
    onLargeSnapshot(active.entity, active.entityId, snapshotBytes);
    return { ...out, message: { case: "reply", value } };
  }

  #break(commandId: bigint, command: string | undefined, error: unknown): EventSourcedStreamOut {
    this.#phase = "ended";
    const text = reportBroken(this.#options, this.#active, command, error);
    return {
      $typeName: "cloudstate.eventsourced.EventSourcedStreamOut",
      message: { case: "failure", value: broken(commandId, text) },
    };
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
