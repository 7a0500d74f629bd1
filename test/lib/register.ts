// SPDX-License-Identifier: Apache-2.0

import type { DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Any, FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import {
  AnySchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_descriptor,
} from "@bufbuild/protobuf/wkt";

import type { EntitySpec, ValueEntityStreamOutSchema } from "../../pkg/protocol/mod.ts";
import { messageTypeUrl, readDescriptors, ValueEntity } from "../../pkg/protocol/mod.ts";

import { file_cloudstate_entity_key } from "../../pkg/protocol/gen/cloudstate/entity_key_pb.ts";
import { COUNTER_REQUEST, counterFile, counterSpec, descriptorSet } from "./counter.ts";
import type { ScriptedValueStream } from "./scripted-entity.ts";
import type { Script } from "./scripted-user-function.ts";

/**
 * The simplest service of a value entity, for tests that write the protocol's messages themselves. It is served beside
 * the counter and uses the same messages:
 *
 *     service Register {
 *       rpc Add(Request) returns (Request);
 *       rpc Get(Request) returns (Request);
 *       rpc Clear(Request) returns (Request);
 *     }
 */
const REGISTER_SERVICE = "perdure.test.Register";

function registerFile(): FileDescriptorProto {
  const method = (name: string) => ({
    name,
    inputType: `.${COUNTER_REQUEST}`,
    outputType: `.${COUNTER_REQUEST}`,
  });
  return create(FileDescriptorProtoSchema, {
    name: "register.proto",
    package: "perdure.test",
    syntax: "proto3",
    dependency: [counterFile().name],
    service: [{ name: "Register", method: [method("Add"), method("Get"), method("Clear")] }],
  });
}

/** What a user function with a counter and a register answers to discovery. */
export function registerSpec(): EntitySpec {
  const { entities, ...spec } = counterSpec({
    proto: descriptorSet([
      registerFile(),
      counterFile(),
      file_cloudstate_entity_key.proto,
      file_google_protobuf_descriptor.proto,
    ]),
  });
  const register = {
    $typeName: "cloudstate.Entity" as const,
    serviceName: REGISTER_SERVICE,
    entityType: ValueEntity.typeName,
    persistenceId: "register",
    snapshotVersion: "",
  };
  return { ...spec, entities: [...entities, register] };
}

const { registry } = readDescriptors(registerSpec().proto);
const service = registry.getService(REGISTER_SERVICE);
const request = registry.getMessage(COUNTER_REQUEST);
if (service === undefined || request === undefined)
  throw new Error("the register's descriptors lack something");
const requestDesc = request;

/** `ADD` adds `amount` to the value and answers with the sum. `GET` answers with the value. `CLEAR` deletes it. */
export const ADD = service.method["add"] as DescMethodUnary;
export const GET = service.method["get"] as DescMethodUnary;
export const CLEAR = service.method["clear"] as DescMethodUnary;

/** A command of the register as its user function sees it. */
export interface RegisterCommand {
  readonly name: string;
  readonly entityId: string;
  readonly commandId: bigint;
  readonly amount: number;
  /** The value before this command; undefined if there is none. */
  readonly value: number | undefined;
  readonly stream: ScriptedValueStream;
}

export type ValueOut = MessageInitShape<typeof ValueEntityStreamOutSchema>;
type ReplyInit = Extract<NonNullable<ValueOut["message"]>, { case: "reply" }>["value"];

/**
 * A register that behaves correctly, except for the commands that `misbehave` takes. For those `misbehave` returns
 * true, and answers them itself or not at all.
 */
export function registerFunction(
  misbehave: (command: RegisterCommand) => boolean = () => false,
): NonNullable<Script["onValueMessage"]> {
  const values = new WeakMap<ScriptedValueStream, number>();
  return ({ message }, stream): void => {
    if (message.case === "init") {
      const value = message.value.state?.value;
      if (value !== undefined) values.set(stream, amountOf(value));
    }
    if (message.case !== "command") return;
    const { name, entityId, id: commandId, payload } = message.value;
    const amount = amountOf(payload);
    const value = values.get(stream);
    if (misbehave({ name, entityId, commandId, amount, value, stream })) return;
    if (name === "Add") values.set(stream, (value ?? 0) + amount);
    if (name === "Clear") values.delete(stream);
    const after = values.get(stream);
    const stateAction = name === "Add" ? updateTo(after ?? 0) : name === "Clear" ? DELETE : undefined;
    stream.send(registerReply(commandId, after ?? 0, stateAction));
  };
}

/** A reply with this amount and, perhaps, a change of the state. */
export function registerReply(
  commandId: bigint,
  amount: number,
  stateAction?: ReplyInit["stateAction"],
): ValueOut {
  const clientAction = { action: { case: "reply" as const, value: { payload: registerAny(amount) } } };
  return {
    message: { case: "reply", value: { commandId, clientAction, ...(stateAction && { stateAction }) } },
  };
}

/** The state action that stores this value. */
export function updateTo(amount: number): NonNullable<ReplyInit["stateAction"]> {
  return { action: { case: "update", value: { value: registerAny(amount) } } };
}

export const DELETE: NonNullable<ReplyInit["stateAction"]> = { action: { case: "delete", value: {} } };

function registerAny(amount: number): Any {
  const value = toBinary(requestDesc, create(requestDesc, { amount }));
  return create(AnySchema, { typeUrl: messageTypeUrl(COUNTER_REQUEST), value });
}

function amountOf(any: Any | undefined): number {
  const message = any === undefined ? {} : fromBinary(requestDesc, any.value);
  return (message as { readonly amount?: number }).amount ?? 0;
}
