// SPDX-License-Identifier: Apache-2.0

import type { Message } from "@bufbuild/protobuf";

import type { Command } from "../protocol/gen/cloudstate/entity_pb.ts";
import type {
  ValueEntityAction,
  ValueEntityInit,
  ValueEntityStreamIn,
  ValueEntityStreamOut,
} from "../protocol/gen/cloudstate/value_entity_pb.ts";
import { pack, unpack } from "./any.ts";
import type { EntityInstance, InstanceOptions } from "./entity-instance.ts";
import { NO_COMMAND, reportBroken } from "./entity-instance.ts";
import { broken, refused, valueEntityOut } from "./entity-out.ts";
import { ProtocolError } from "./error.ts";
import type { CommandOutcome } from "./run-command.ts";
import { openCommand, runCommand } from "./run-command.ts";
import { ValueCommand } from "./value-entity-context.ts";
import type { ValueEntity } from "./value-entity-definition.ts";

/** An entity in memory: its definition and its value. */
interface Active {
  readonly entity: ValueEntity;
  readonly entityId: string;
  state: Message;
  exists: boolean;
}

const ignore = (): void => undefined;

/**
 * One value entity on one stream, without the stream. The server and the test kit both drive this. (Cloudstate 0.2,
 * `value_entity.proto`.)
 *
 * 1. *Order*: init, then commands. Anything else is a "Protocol error".
 * 2. *One command at a time*: the server or test kit waits for an answer before it passes the next message.
 * 3. *All or nothing*: a command's last change becomes the state only together with an answer that carries it.
 * 4. *Failure*: `fail` answers the command, without change and effects, and the entity goes on; any other throw ends
 *    the stream.
 * 5. *The end is final*: after a message of case `failure` nothing is answered, and the stream must be ended.
 */
export class ValueEntityInstance implements EntityInstance<ValueEntityStreamIn, ValueEntityStreamOut> {
  readonly #options: InstanceOptions<ValueEntity>;
  readonly #seal: (state: Message) => void;
  #active: Active | undefined;
  #outcome: CommandOutcome<ValueCommand, ValueEntityStreamOut> | undefined;
  #ended = false;

  constructor(options: InstanceOptions<ValueEntity>) {
    this.#options = options;
    this.#seal = options.seal ?? ignore;
  }

  /** The state after everything that was stored; the initial one if nothing is. Undefined before init. */
  get state(): Message | undefined {
    return this.#active?.state;
  }

  get exists(): boolean {
    return this.#active?.exists ?? false;
  }

  receive(message: ValueEntityStreamIn): ValueEntityStreamOut | Promise<ValueEntityStreamOut> | undefined {
    if (this.#ended) return undefined;
    const input = message.message;
    try {
      switch (input.case) {
        case "init":
          return this.#init(input.value);
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

  #init({ serviceName, entityId, state: stored }: ValueEntityInit): undefined {
    if (this.#active !== undefined) throw new ProtocolError("init came twice");
    const entity = this.#options.find(serviceName);
    if (entity === undefined) throw new ProtocolError(`unknown service ${serviceName}`);
    const value = stored?.value;
    const exists = value !== undefined;
    const state = exists
      ? unpack(entity.state, value, `the state of ${entity.persistenceId}`)
      : entity.initial(entityId);
    this.#seal(state);
    this.#active = { entity, entityId, state, exists };
  }

  #command(message: Command): ValueEntityStreamOut | Promise<ValueEntityStreamOut> {
    const active = this.#active;
    if (active === undefined) throw new ProtocolError("a command before init");
    const open = openCommand(active.entity, active.entityId, message);
    if ("refusal" in open) return valueEntityOut(refused(open.id, open.refusal, false), undefined);
    const source = { entry: open.entry, metadata: message.metadata, check: this.#options.check, once: true };
    return runCommand(
      open,
      new ValueCommand(source, active.entity, active, this.#seal),
      (this.#outcome ??= this.#outcomeOf(active)),
    );
  }

  #outcomeOf(active: Active): CommandOutcome<ValueCommand, ValueEntityStreamOut> {
    return {
      answered: (commandId, command, action) => {
        const stateAction = stateActionOf(active.entity, command);
        active.state = command.state;
        active.exists = command.exists;
        return valueEntityOut({ commandId, action, effects: command.takeEffects() }, stateAction);
      },
      failed: (commandId, _command, refusal) => valueEntityOut(refused(commandId, refusal, false), undefined),
      broken: ({ id, entry }, error) => this.#break(id, entry.method.name, error),
    };
  }

  #break(commandId: bigint, command: string | undefined, error: unknown): ValueEntityStreamOut {
    this.#ended = true;
    const text = reportBroken(this.#options, this.#active, command, error);
    return {
      $typeName: "cloudstate.valueentity.ValueEntityStreamOut",
      message: { case: "failure", value: broken(commandId, text) },
    };
  }
}

function stateActionOf(
  entity: ValueEntity,
  { change, state }: ValueCommand,
): ValueEntityAction["action"] | undefined {
  switch (change) {
    case "update":
      return {
        case: "update",
        value: { $typeName: "cloudstate.valueentity.ValueEntityUpdate", value: pack(entity.state, state) },
      };
    case "delete":
      return { case: "delete", value: { $typeName: "cloudstate.valueentity.ValueEntityDelete" } };
    case undefined:
      return undefined;
  }
}
