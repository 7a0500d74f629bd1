// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import type {
  ValueEntityStreamIn,
  ValueEntityStreamOut,
} from "../../protocol/gen/cloudstate/value_entity_pb.ts";
import { ValueEntityStreamInSchema } from "../../protocol/gen/cloudstate/value_entity_pb.ts";
import { pack } from "../any.ts";
import type { ValueEntity } from "../value-entity-definition.ts";
import { ValueEntityInstance } from "../value-entity-instance.ts";
import type { Answered } from "./answered.ts";
import { Targets } from "./answered.ts";
import { commandOf, methodOf } from "./command.ts";
import { deepFreeze } from "./deep-freeze.ts";
import { TestkitError } from "./error.ts";

/** A value entity, with a stored state or without. Immutable: each step gives a new one. */
export interface GivenValue<Service extends DescService, State extends DescMessage> {
  /** The stored state. */
  state(state: MessageInitShape<State>): GivenValue<Service, State>;
  /**
   * Sends a command, by the camelCase name of its method, and resolves with the outcome. Rejects with `TestkitError`
   * where a server would end the stream; its `cause` is the error that the handler threw.
   */
  when<Name extends keyof Service["method"] & string>(
    method: Name,
    command?: MessageInitShape<Service["method"][Name]["input"]>,
  ): Promise<ValueOutcome<Service, State, Service["method"][Name]["output"]>>;
}

/** The outcome of a command. */
export interface ValueOutcome<
  Service extends DescService,
  State extends DescMessage,
  Reply extends DescMessage = DescMessage,
> extends Answered<Reply> {
  /** The change of the stored state; undefined if the command was refused, or changed nothing. */
  readonly change: "update" | "delete" | undefined;
  /** The state afterwards; the initial one if nothing is stored. */
  readonly state: MessageShape<State>;
  /** The entity after the command, for the next one. */
  readonly afterwards: GivenValue<Service, State>;
}

export function givenValue<Service extends DescService, State extends DescMessage>(
  entity: ValueEntity<Service, State>,
  entityId: string,
  value?: Any,
): GivenValue<Service, State> {
  return {
    state: (state) => givenValue(entity, entityId, pack(entity.state, create(entity.state, state))),
    when: async <Name extends keyof Service["method"] & string>(
      name: Name,
      command?: MessageInitShape<Service["method"][Name]["input"]>,
    ) => {
      const method = methodOf(entity.service, name);
      const targets = new Targets();
      const active = activate(entity, entityId, value, targets);
      const out = await active.receive({ case: "command", value: commandOf(entityId, method, command) });
      if (out?.message.case !== "reply") throw new TestkitError(`${name} was not answered`);
      const { clientAction, sideEffects, stateAction } = out.message.value;
      const change = stateAction?.action;
      const stored = change === undefined ? value : change.case === "update" ? change.value.value : undefined;
      const answered = targets.read(
        method,
        { action: clientAction?.action ?? { case: undefined }, sideEffects },
        {
          change: change?.case,
          state: active.state() as MessageShape<State>,
          afterwards: givenValue(entity, entityId, stored),
        },
      );
      return answered as ValueOutcome<Service, State, Service["method"][Name]["output"]>;
    },
  };
}

/** An instance that has its value. Every error that would end the stream is raised, with its cause. */
function activate(
  entity: ValueEntity,
  entityId: string,
  value: Any | undefined,
  { check }: Targets,
): {
  receive(message: ValueEntityStreamIn["message"]): Promise<ValueEntityStreamOut | undefined>;
  state(): unknown;
} {
  let cause: unknown;
  const instance = new ValueEntityInstance({
    find: () => entity,
    check,
    report: (_text, error) => {
      cause = error;
    },
    seal: deepFreeze,
  });
  const receive = async (
    message: ValueEntityStreamIn["message"],
  ): Promise<ValueEntityStreamOut | undefined> => {
    const out = await instance.receive(create(ValueEntityStreamInSchema, { message }));
    if (out?.message.case !== "failure") return out;
    throw new TestkitError(`the entity ended its stream: ${out.message.value.description}`, { cause });
  };
  void instance.receive(
    create(ValueEntityStreamInSchema, {
      message: { case: "init", value: { serviceName: entity.service.typeName, entityId, state: { value } } },
    }),
  );
  return { receive, state: () => instance.state };
}
