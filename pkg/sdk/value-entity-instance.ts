// SPDX-License-Identifier: Apache-2.0

import type { Failure } from "../protocol/gen/cloudstate/entity_pb.ts";
import type {
  ValueEntityAction,
  ValueEntityInit,
  ValueEntityStreamIn,
  ValueEntityStreamOut,
} from "../protocol/gen/cloudstate/value_entity_pb.ts";
import { pack, unpack } from "./any.ts";
import type { ActiveEntity } from "./entity-instance.ts";
import { BaseInstance } from "./entity-instance.ts";
import type { Answered } from "./entity-out.ts";
import { refused, valueEntityOut } from "./entity-out.ts";
import { ProtocolError } from "./error.ts";
import type { ContextSource } from "./handler-context.ts";
import type { Refusal } from "./refusal.ts";
import { ValueCommand } from "./value-entity-context.ts";
import type { ValueEntity } from "./value-entity-definition.ts";

interface Active extends ActiveEntity<ValueEntity> {
  exists: boolean;
}

/** One value entity on one stream (Cloudstate 0.2, `value_entity.proto`). */
export class ValueEntityInstance extends BaseInstance<
  Active,
  ValueCommand,
  ValueEntityStreamIn,
  ValueEntityStreamOut
> {
  protected override take(
    message: ValueEntityStreamIn["message"],
  ): ValueEntityStreamOut | Promise<ValueEntityStreamOut> | undefined {
    switch (message.case) {
      case "init":
        return this.#init(message.value);
      case "command":
        return this.command(message.value);
      case undefined:
        throw new ProtocolError("a message without content");
    }
  }

  #init({ serviceName, entityId, state: stored }: ValueEntityInit): undefined {
    const entity = this.definitionOf(serviceName);
    const value = stored?.value;
    const exists = value !== undefined;
    const state = exists
      ? unpack(entity.state, value, `the state of ${entity.persistenceId}`)
      : entity.initial(entityId);
    this.seal(state);
    this.active = { entity, entityId, state, exists };
  }

  protected override contextOf(source: ContextSource, active: Active): ValueCommand {
    return new ValueCommand(source, active.entity, active, this.seal);
  }

  protected override accept(answered: Answered, command: ValueCommand, active: Active): ValueEntityStreamOut {
    const stateAction = stateActionOf(active.entity, command);
    active.state = command.state;
    active.exists = command.exists;
    return valueEntityOut(answered, stateAction);
  }

  protected override refuse(commandId: bigint, refusal: Refusal): ValueEntityStreamOut {
    return valueEntityOut(refused(commandId, refusal));
  }

  protected override broken(value: Failure): ValueEntityStreamOut {
    return {
      $typeName: "cloudstate.valueentity.ValueEntityStreamOut",
      message: { case: "failure", value },
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
