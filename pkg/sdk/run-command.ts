// SPDX-License-Identifier: Apache-2.0

import type { DescService, Message } from "@bufbuild/protobuf";

import type { Command } from "../protocol/gen/cloudstate/entity_pb.ts";
import type { AnswerAction } from "./answer.ts";
import { unpack } from "./any.ts";
import type { MethodEntry } from "./definition.ts";
import { CommandFailed, ProtocolError, UnreadableMessage } from "./error.ts";
import type { BaseContext } from "./handler-context.ts";
import type { Refusal } from "./refusal.ts";
import { refusalOf } from "./refusal.ts";

/** A command whose method and message are known. */
export interface OpenCommand {
  readonly id: bigint;
  readonly entry: MethodEntry;
  readonly input: Message;
}

/** A command whose bytes are not its message. It is refused; the stream stays open, because other callers share it. */
export interface UnreadableCommand {
  readonly id: bigint;
  readonly refusal: Refusal;
}

/** Checks a command against the entity on whose stream it came. @throws ProtocolError */
export function openCommand(
  { service, methods }: { readonly service: DescService; readonly methods: ReadonlyMap<string, MethodEntry> },
  entityId: string,
  message: Command,
): OpenCommand | UnreadableCommand {
  if (message.entityId !== entityId) {
    throw new ProtocolError(`a command for entity ${message.entityId} on the stream of ${entityId}`);
  }
  const entry = methods.get(message.name);
  if (entry === undefined) throw new ProtocolError(`${service.typeName} has no ${message.name}`);
  const { id, name, payload } = message;
  try {
    return { id, entry, input: unpack(entry.method.input, payload, `command ${name}`) };
  } catch (error) {
    if (!(error instanceof UnreadableMessage)) throw error;
    return { id, refusal: refusalOf("fail", error.message, { code: "INVALID_ARGUMENT" }) };
  }
}

/** Makes the message to the proxy for each outcome of a command. One set of functions serves an entity's whole life. */
export interface CommandOutcome<Context extends BaseContext, Out> {
  /** The handler gave an answer. If this function throws, the stream breaks. */
  readonly answered: (id: bigint, context: Context, action: AnswerAction) => Out;
  /** It called `fail`. */
  readonly failed: (id: bigint, context: Context, refusal: Refusal) => Out;
  /** The handler threw anything else, or its answer is invalid. Never throws. */
  readonly broken: (command: OpenCommand, error: unknown) => Out;
}

/** Runs the handler of one command. The message that answers it is a promise only if the handler is async. */
export function runCommand<Context extends BaseContext, Out>(
  command: OpenCommand,
  context: Context,
  outcome: CommandOutcome<Context, Out>,
): Out | Promise<Out> {
  let result: unknown;
  try {
    result = command.entry.handle(command.input, context);
  } catch (error) {
    return thrown(command, context, outcome, error);
  }
  if (!isPromiseLike(result)) return returned(command, context, outcome, result);
  return Promise.resolve(result).then(
    (value) => returned(command, context, outcome, value),
    (error: unknown) => thrown(command, context, outcome, error),
  );
}

function returned<Context extends BaseContext, Out>(
  command: OpenCommand,
  context: Context,
  outcome: CommandOutcome<Context, Out>,
  result: unknown,
): Out {
  context.end();
  try {
    if (context.failed !== undefined) return outcome.failed(command.id, context, context.failed);
    return outcome.answered(command.id, context, context.actionOf(result));
  } catch (error) {
    return outcome.broken(command, error);
  }
}

function thrown<Context extends BaseContext, Out>(
  command: OpenCommand,
  context: Context,
  outcome: CommandOutcome<Context, Out>,
  error: unknown,
): Out {
  context.end();
  if (error instanceof CommandFailed && context.failed !== undefined) {
    return outcome.failed(command.id, context, context.failed);
  }
  return outcome.broken(command, error);
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
