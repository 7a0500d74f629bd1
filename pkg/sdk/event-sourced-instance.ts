// SPDX-License-Identifier: Apache-2.0

import type { Message } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import type { Command as CommandMessage } from "../protocol/gen/cloudstate/entity_pb.ts";
import type {
  EventSourcedEvent,
  EventSourcedInit,
  EventSourcedStreamIn,
  EventSourcedStreamOut,
} from "../protocol/gen/cloudstate/event_sourced_pb.ts";
import { pack, typeNameOf, unpack } from "./any.ts";
import { applyEvent, toMessage } from "./apply-event.ts";
import { Command } from "./command-context.ts";
import { CommandFailed, ProtocolError, textOf } from "./error.ts";
import type { EventSourcedEntity } from "./event-sourced.ts";
import type { MethodEntry } from "./event-sourced-definition.ts";
import { brokenOut, failureOut, replyOut } from "./event-sourced-out.ts";

export interface InstanceOptions {
  /** The entity that serves a service, by the service's full name. */
  readonly find: (serviceName: string) => EventSourcedEntity | undefined;
  /** Told of every error that ends the stream. */
  readonly report: (text: string, error: unknown) => void;
  /** Told of every new state. The test kit freezes it. */
  readonly seal?: (state: Message) => void;
}

/** An entity in memory: its definition and what the events so far have made of it. */
interface Active {
  readonly entity: EventSourcedEntity;
  readonly entityId: string;
  state: Message;
  /** Number of events ever. */
  sequence: number;
}

type Phase = "created" | "replaying" | "serving" | "ended";

const ignore = (): void => undefined;
const NO_COMMAND = 0n;

/**
 * One entity on one stream, without the stream: each message in gives the message out, if there is one. The server
 * and the test kit both drive this. (Cloudstate 0.2, `event_sourced.proto`.)
 *
 * 1. *Order*: init, then events in sequence without a gap, then commands. Anything else is a "Protocol error".
 * 2. *One command at a time*: whoever drives it waits for an answer before the next message.
 * 3. *All or nothing*: a command's events change `state` only together with a reply that carries them all.
 * 4. *Failure*: `fail` answers the command and the entity goes on; any other throw ends the stream.
 * 5. *The end is final*: after a message of case `failure` nothing is answered, and the stream must be ended.
 */
export class EventSourcedInstance {
  readonly #options: InstanceOptions;
  readonly #seal: (state: Message) => void;
  #phase: Phase = "created";
  #active: Active | undefined;

  constructor(options: InstanceOptions) {
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

  /** The answer, a promise of it if the handler is async, or undefined if the message needs none. Never throws. */
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
      return this.#break(input.case === "command" ? input.value.id : NO_COMMAND, error);
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
    this.#active = {
      entity,
      entityId,
      state,
      sequence: snapshot === undefined ? 0 : Number(snapshot.snapshotSequence),
    };
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

  #command(message: CommandMessage): EventSourcedStreamOut | Promise<EventSourcedStreamOut> {
    const active = this.#active;
    if (active === undefined) throw new ProtocolError("a command before init");
    if (message.entityId !== active.entityId) {
      throw new ProtocolError(`a command for entity ${message.entityId} on the stream of ${active.entityId}`);
    }
    const { entity } = active;
    const entry = entity.methods.get(message.name);
    if (entry === undefined) throw new ProtocolError(`${entity.service.typeName} has no ${message.name}`);
    this.#phase = "serving";
    const input = unpack(entry.method.input, message.payload, `command ${message.name}`);
    const command = new Command(entity, active.entityId, active.state, active.sequence, this.#seal);
    let result: unknown;
    try {
      result = entry.handle(input, command);
    } catch (error) {
      return this.#thrown(command, message.id, error);
    }
    if (!isPromiseLike(result)) return this.#answer(active, command, entry, message.id, result);
    return Promise.resolve(result).then(
      (value) => this.#settle(message.id, () => this.#answer(active, command, entry, message.id, value)),
      (error: unknown) => this.#settle(message.id, () => this.#thrown(command, message.id, error)),
    );
  }

  #answer(
    active: Active,
    command: Command,
    entry: MethodEntry,
    id: bigint,
    result: unknown,
  ): EventSourcedStreamOut {
    command.end();
    if (command.failure !== undefined) return failed(command, id);
    const payload = packReply(entry, result);
    const { state, sequence, events } = command;
    const snapshot = passes(active.entity.snapshotEvery, active.sequence, sequence)
      ? pack(active.entity.state, state)
      : undefined;
    active.state = state;
    active.sequence = sequence;
    return replyOut(id, payload, events, snapshot);
  }

  #thrown(command: Command, id: bigint, error: unknown): EventSourcedStreamOut {
    command.end();
    if (error instanceof CommandFailed && command.failure !== undefined) return failed(command, id);
    return this.#break(id, error);
  }

  /** An async answer that throws must end the stream as a sync one does. */
  #settle(id: bigint, answer: () => EventSourcedStreamOut): EventSourcedStreamOut {
    try {
      return answer();
    } catch (error) {
      return this.#break(id, error);
    }
  }

  #break(id: bigint, error: unknown): EventSourcedStreamOut {
    this.#phase = "ended";
    const text = `${error instanceof ProtocolError ? "Protocol error" : "Unexpected failure"}: ${textOf(error)}`;
    const active = this.#active;
    const where =
      active === undefined ? "" : `${active.entity.service.typeName}, entity ${active.entityId}: `;
    this.#options.report(where + text, error);
    return brokenOut(id, text);
  }
}

/** The proxy forgets an entity that emitted before it failed; the state here is the old one in any case. */
function failed(command: Command, id: bigint): EventSourcedStreamOut {
  return failureOut(id, command.failure ?? "", command.events.length > 0);
}

const EMPTY_REPLY: Any = {
  $typeName: "google.protobuf.Any",
  typeUrl: "type.googleapis.com/google.protobuf.Empty",
  value: new Uint8Array(0),
};

function packReply(entry: MethodEntry, result: unknown): Any {
  if (entry.repliesEmpty && result === undefined) return EMPTY_REPLY;
  const { output, localName } = entry.method;
  return pack(output, toMessage(output, result, `the handler ${localName}`));
}

/** True when a multiple of `every` lies in (before, after]. */
function passes(every: number, before: number, after: number): boolean {
  return every > 0 && Math.floor(before / every) < Math.floor(after / every);
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
