// SPDX-License-Identifier: Apache-2.0

import { inspect } from "node:util";

import type { Message } from "@bufbuild/protobuf";

import type { Command, Failure } from "../protocol/gen/cloudstate/entity_pb.ts";
import { unpack } from "./any.ts";
import type { EntityDefinition } from "./definition.ts";
import type { Answered } from "./entity-out.ts";
import { failure, NO_COMMAND } from "./entity-out.ts";
import { brokenText, CommandFailed, ProtocolError, UnreadableMessage } from "./error.ts";
import type { BaseContext, ContextSource } from "./handler-context.ts";
import type { Refusal } from "./refusal.ts";
import { refusalOf } from "./refusal.ts";
import type { Host } from "./served.ts";

export interface InstanceOptions<Entity> extends Host<Entity> {
  /** Called with every new state. The test kit freezes it. */
  readonly seal?: (state: Message) => void;
}

/** One entity on one stream, without the stream itself: turns each message from the proxy into its answer. */
export interface EntityInstance<In, Out extends EntityOut> {
  /** The answer, a promise of it if the handler is async, or undefined if the message needs none. Never throws. */
  receive(message: In): Out | Promise<Out> | undefined;
}

/** After a message of case `failure` the stream is over. */
export interface EntityOut {
  readonly message: { readonly case: "reply" | "failure" | undefined };
}

interface EntityIn {
  readonly message:
    | { readonly case: "command"; readonly value: Command }
    | { readonly case: "init" | "event" | undefined };
}

/** An entity in memory: its definition, and its state after everything that was stored. */
export interface ActiveEntity<Entity> {
  readonly entity: Entity;
  readonly entityId: string;
  state: Message;
}

/**
 * An entity of any kind. The server and the test kit both drive this.
 *
 * 1. *Order*: init, then what is replayed, then commands. Anything else is a "Protocol error".
 * 2. *One command at a time*: the server or test kit waits for an answer before it passes the next message.
 * 3. *All or nothing*: what a command changes becomes the state only together with an answer that carries all of it.
 * 4. *Failure*: `fail` answers the command, without changes and effects, and the entity goes on; any other throw ends
 *    the stream.
 * 5. *The end is final*: after a message of case `failure` nothing is answered, and the stream must be ended.
 */
export abstract class BaseInstance<
  Active extends ActiveEntity<EntityDefinition>,
  Context extends BaseContext,
  In extends EntityIn,
  Out extends EntityOut,
> implements EntityInstance<In, Out>
{
  /** Undefined before init. */
  protected active: Active | undefined;
  protected readonly seal: (state: Message) => void;
  readonly #options: InstanceOptions<Active["entity"]>;
  #ended = false;

  constructor(options: InstanceOptions<Active["entity"]>) {
    this.#options = options;
    this.seal = options.seal ?? (() => undefined);
  }

  /** The state after everything that was stored; the initial one if nothing is. Undefined before init. */
  get state(): Message | undefined {
    return this.active?.state;
  }

  receive({ message }: In): Out | Promise<Out> | undefined {
    if (this.#ended) return undefined;
    try {
      return this.take(message);
    } catch (error) {
      return this.#break(message.case === "command" ? message.value : undefined, error);
    }
  }

  /** Takes one message. What it throws ends the stream. */
  protected abstract take(message: In["message"]): Out | Promise<Out> | undefined;

  protected abstract contextOf(source: ContextSource, active: Active): Context;

  /** The answer of a handler. What the command changed becomes the state. What it throws ends the stream. */
  protected abstract accept(answered: Answered, context: Context, active: Active): Out;

  /** The answer to a command that is refused. The context is undefined if the handler was not called. */
  protected abstract refuse(commandId: bigint, refusal: Refusal, context?: Context): Out;

  /** The last message of a broken stream. */
  protected abstract broken(value: Failure): Out;

  protected definitionOf(serviceName: string): Active["entity"] {
    if (this.active !== undefined) throw new ProtocolError("init came twice");
    const entity = this.#options.find(serviceName);
    if (entity === undefined) throw new ProtocolError(`unknown service ${serviceName}`);
    return entity;
  }

  /** The answer is a promise only if the handler is async. */
  protected command(command: Command): Out | Promise<Out> {
    const { active } = this;
    if (active === undefined) throw new ProtocolError("a command before init");
    const { entity, entityId } = active;
    if (command.entityId !== entityId) {
      throw new ProtocolError(`a command for entity ${command.entityId} on the stream of ${entityId}`);
    }
    const entry = entity.methods.get(command.name);
    if (entry === undefined) throw new ProtocolError(`${entity.service.typeName} has no ${command.name}`);
    let input: Message;
    try {
      input = unpack(entry.method.input, command.payload, `command ${command.name}`);
    } catch (error) {
      if (!(error instanceof UnreadableMessage)) throw error;
      // The stream stays open, because other callers share it.
      return this.refuse(command.id, refusalOf("fail", error.message, { code: "INVALID_ARGUMENT" }));
    }
    const source = { entry, metadata: command.metadata, check: this.#options.check, once: true };
    const context = this.contextOf(source, active);
    let result: unknown;
    try {
      result = entry.handle(input, context);
    } catch (error) {
      return this.#thrown(command, context, error);
    }
    if (!isPromiseLike(result)) return this.#returned(command, context, active, result);
    return Promise.resolve(result).then(
      (value) => this.#returned(command, context, active, value),
      (error: unknown) => this.#thrown(command, context, error),
    );
  }

  #returned(command: Command, context: Context, active: Active, result: unknown): Out {
    context.end();
    try {
      if (context.failed !== undefined) return this.refuse(command.id, context.failed, context);
      const action = context.actionOf(result);
      return this.accept({ commandId: command.id, action, effects: context.takeEffects() }, context, active);
    } catch (error) {
      return this.#break(command, error);
    }
  }

  #thrown(command: Command, context: Context, error: unknown): Out {
    context.end();
    const { failed } = context;
    const isFailure = error instanceof CommandFailed && failed !== undefined;
    return isFailure ? this.refuse(command.id, failed, context) : this.#break(command, error);
  }

  #break(command: Command | undefined, error: unknown): Out {
    this.#ended = true;
    this.#options.report(this.active === undefined ? "" : whereOf(this.active, command), error);
    return this.broken(failure(command?.id ?? NO_COMMAND, { description: brokenText(error), status: 0 }));
  }
}

function whereOf({ entity, entityId }: ActiveEntity<EntityDefinition>, command: Command | undefined): string {
  const { typeName } = entity.service;
  const method = command === undefined ? typeName : `${typeName}/${command.name}`;
  return `${method}, entity ${entity.persistenceId}/${shown(entityId)}`;
}

/** Escapes control characters, because a caller chose the id and a terminal may obey them. */
function shown(entityId: string): string {
  return /\p{C}/u.test(entityId) ? inspect(entityId) : entityId;
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
