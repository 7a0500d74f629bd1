// SPDX-License-Identifier: Apache-2.0

import type { DescMethodUnary } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { AnySchema } from "@bufbuild/protobuf/wkt";

import type { EventSourcedStreamIn } from "../../pkg/protocol/mod.ts";
import { messageTypeUrl, readDescriptors } from "../../pkg/protocol/mod.ts";

import { COUNTER_REQUEST, COUNTER_SERVICE, counterRequest, counterSpec } from "./counter.ts";
import type { ScriptedStream } from "./scripted-entity.ts";
import type { Script, StreamOut } from "./scripted-user-function.ts";

/** A command of the counter as its user function sees it. */
export interface CounterCommand {
  /** As `Add` or `Get`. */
  readonly name: string;
  readonly entityId: string;
  readonly commandId: bigint;
  readonly amount: number;
  /** The counter before this command. */
  readonly total: number;
  readonly stream: ScriptedStream;
  /** Carries out the command correctly, for a command that was held for a while. */
  readonly carryOut: () => void;
}

const { registry } = readDescriptors(counterSpec().proto);
const service = registry.getService(COUNTER_SERVICE);
const request = registry.getMessage(COUNTER_REQUEST);
if (service === undefined || request === undefined)
  throw new Error("the counter's descriptors lack something");
const requestDesc = request;

/** `Add` adds `amount` and answers with the new total as `amount`; `Get` answers with the total. */
export const ADD = service.method["add"] as DescMethodUnary;
export const GET = service.method["get"] as DescMethodUnary;

/**
 * A counter that behaves correctly, except for the commands that `misbehave` takes. For those `misbehave` returns
 * true, and answers them itself or not at all.
 */
export function counterFunction(
  misbehave: (command: CounterCommand) => boolean = () => false,
): NonNullable<Script["onMessage"]> {
  const totals = new WeakMap<ScriptedStream, number>();
  return ({ message }: EventSourcedStreamIn, stream: ScriptedStream): void => {
    const total = totals.get(stream) ?? 0;
    if (message.case === "event") totals.set(stream, total + amountOf(message.value.payload));
    if (message.case !== "command") return;
    const { name, entityId, id: commandId, payload } = message.value;
    const amount = amountOf(payload);
    const carryOut = (): void => {
      const after = name === "Add" ? total + amount : total;
      totals.set(stream, after);
      stream.send(counterReply(commandId, after, name === "Add" ? [amount] : []));
    };
    if (!misbehave({ name, entityId, commandId, amount, total, stream, carryOut })) carryOut();
  };
}

/** A side effect that adds one to another counter. */
interface CounterEffect {
  readonly serviceName: string;
  readonly commandName: string;
  readonly payload: Any;
}

export function addOne(id: string): CounterEffect {
  const payload = { typeUrl: messageTypeUrl(COUNTER_REQUEST), value: counterRequest(id, 1) };
  return { serviceName: COUNTER_SERVICE, commandName: "Add", payload: create(AnySchema, payload) };
}

/** A reply with this total and an event for each amount. */
export function counterReply(
  commandId: bigint,
  total: number,
  amounts: readonly number[] = [],
  sideEffects: CounterEffect[] = [],
): StreamOut {
  const clientAction = { action: { case: "reply" as const, value: { payload: counterAny(total) } } };
  const events = amounts.map(counterAny);
  return { message: { case: "reply", value: { commandId, clientAction, events, sideEffects } } };
}

function counterAny(amount: number): Any {
  const value = toBinary(requestDesc, create(requestDesc, { amount }));
  return create(AnySchema, { typeUrl: messageTypeUrl(COUNTER_REQUEST), value });
}

function amountOf(any: Any | undefined): number {
  return any === undefined ? 0 : counterAmount(fromBinary(requestDesc, any.value));
}

/** The field `amount` of a counter's message. */
export function counterAmount(message: object): number {
  return (message as { readonly amount?: number }).amount ?? 0;
}
