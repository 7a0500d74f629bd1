// SPDX-License-Identifier: Apache-2.0

import type { Message } from "@bufbuild/protobuf";

import type { ActionResponse, ActionCommand as Command } from "../protocol/gen/cloudstate/action_pb.ts";
import type { Action } from "./action.ts";
import { ActionCommand } from "./action-context.ts";
import type { AnswerAction } from "./answer.ts";
import { unpack } from "./any.ts";
import type { CallFinish } from "./call-end.ts";
import { CallAborted } from "./call-end.ts";
import { nameOf } from "./call-target.ts";
import type { Cancellation } from "./cancellation.ts";
import type { MethodEntry } from "./definition.ts";
import { failure, NO_COMMAND } from "./entity-out.ts";
import { brokenText, CommandFailed, ProtocolError, SdkError } from "./error.ts";
import type { Envelope, MessageStream } from "./message-stream.ts";
import { messageStream } from "./message-stream.ts";
import { metadataFromWire } from "./metadata.ts";
import type { Host } from "./served.ts";

/**
 * One call of an action, without its gRPC stream. The server and the test kit both drive this. (Cloudstate 0.2,
 * `action.proto`.)
 *
 * 1. *Pulled*: the handler's next answer is requested when the previous one was taken, and the caller's next message
 *    when the handler requests it.
 * 2. *Effects stay*: effects before an answer travel with it, whether it is a reply, a failure, or none. Effects of a
 *    handler that throws are lost.
 * 3. *Failure*: `fail` is the call's last answer; `abort` throws `CallAborted`; any other throw becomes `ActionBroken`,
 *    after it was reported.
 * 4. *Cancelled*: an error that is thrown because the caller went away is not reported.
 */
export interface ActionRun extends Host<Action> {
  readonly cancellation: Cancellation;
  /** Called with what `finish` was given, before a stream ends without an error; not called if `finish` was not. */
  readonly onFinish?: (finish: CallFinish) => void;
}

/** The call ended without an answer. `cause` is the reason, which was reported (unless 4). */
export class ActionBroken extends Error {
  override readonly name = "ActionBroken";
}

/** What the proxy sends. A stream's first command names the method; the others carry the messages. */
export type ActionSource =
  | { readonly shape: "unary" | "server_streaming"; readonly command: Command }
  | { readonly shape: "client_streaming" | "bidi_streaming"; readonly commands: AsyncIterator<Command> };

/** A call that is answered once: unary, or streamed in. Rejects with `ActionBroken` or `CallAborted`. */
export async function runOnce(run: ActionRun, source: ActionSource): Promise<ActionResponse> {
  const { entry, input, context } = await open(run, source);
  try {
    const result: unknown = await entry.handle(input, context);
    if (context.aborted !== undefined) throw context.aborted;
    if (context.failed === undefined) return response(context, context.actionOf(result));
  } catch (error) {
    endUnlessFailed(run, error, entry, context);
  } finally {
    context.end();
  }
  return failedResponse(context);
}

/** A call that is answered with a stream. @throws ActionBroken, CallAborted */
export async function* runMany(run: ActionRun, source: ActionSource): AsyncGenerator<ActionResponse> {
  const { entry, input, context } = await open(run, source);
  try {
    for await (const result of iterableOf(entry, entry.handle(input, context))) {
      if (context.failed !== undefined || context.aborted !== undefined) break;
      yield response(context, context.actionOf(result));
    }
    if (context.aborted !== undefined) throw context.aborted;
    if (context.failed === undefined) {
      context.checkGiven();
      const last = response(context, { case: undefined });
      if (last.sideEffects.length > 0) yield last;
      if (context.finished !== undefined) run.onFinish?.(context.finished);
      return;
    }
  } catch (error) {
    endUnlessFailed(run, error, entry, context);
  } finally {
    context.end();
  }
  yield failedResponse(context);
}

async function open(run: ActionRun, source: ActionSource) {
  try {
    const streamed = "commands" in source;
    const command = streamed ? await firstOf(source.commands) : source.command;
    const entry = entryOf(run, command, source.shape);
    const input = streamed ? messagesOf(entry, source.commands) : messageOf(entry, command);
    const once = source.shape === "unary" || source.shape === "client_streaming";
    const context = { entry, metadata: command.metadata, check: run.check, once };
    return { entry, input, context: new ActionCommand(context, run.cancellation) };
  } catch (error) {
    throw broken(run, error, undefined);
  }
}

async function firstOf(commands: AsyncIterator<Command>): Promise<Command> {
  const { done, value } = await commands.next();
  if (done === true) throw new ProtocolError("a stream that ended before it named its method");
  if (value.payload !== undefined) throw new ProtocolError("a payload in a stream's first message");
  return value;
}

function entryOf(run: ActionRun, { serviceName, name }: Command, shape: ActionSource["shape"]): MethodEntry {
  const action = run.find(serviceName);
  if (action === undefined) throw new ProtocolError(`unknown service ${serviceName}`);
  const entry = action.methods.get(name);
  if (entry === undefined) throw new ProtocolError(`${serviceName} has no ${name}`);
  const { methodKind } = entry.method;
  if (methodKind !== shape) {
    throw new ProtocolError(`${serviceName}/${name} is ${methodKind}, but was called as ${shape}`);
  }
  return entry;
}

function messageOf({ method }: MethodEntry, { payload }: Command): Message {
  return unpack(method.input, payload, `command ${method.name}`);
}

function messagesOf(entry: MethodEntry, commands: AsyncIterator<Command>): MessageStream<Message> {
  return messageStream({
    next: async (): Promise<IteratorResult<Envelope<Message>, undefined>> => {
      const { done, value } = await commands.next();
      if (done === true) return { done, value: undefined };
      const envelope = { message: messageOf(entry, value), metadata: metadataFromWire(value.metadata) };
      return { done: false, value: envelope };
    },
    return: async () => {
      await commands.return?.();
      return { done: true, value: undefined };
    },
  });
}

function iterableOf({ method }: MethodEntry, given: unknown): AsyncIterable<unknown> | Iterable<unknown> {
  if (typeof given === "object" && given !== null) {
    if (Symbol.asyncIterator in given) return given as AsyncIterable<unknown>;
    if (Symbol.iterator in given) return given as Iterable<unknown>;
    // It is not awaited, so its rejection must not end the process.
    if (given instanceof Promise) given.catch(() => undefined);
  }
  throw new SdkError(
    "BAD_RESULT",
    `the handler ${method.localName} must give its answers one by one: make it an async generator (async *)`,
  );
}

function response(context: ActionCommand, action: AnswerAction): ActionResponse {
  return {
    $typeName: "cloudstate.action.ActionResponse",
    response: action,
    sideEffects: context.takeEffects(),
  };
}

function failedResponse(context: ActionCommand): ActionResponse {
  const { failed = { description: "", status: 0 } } = context;
  return response(context, { case: "failure", value: failure(NO_COMMAND, failed) });
}

/** Ends the call of a handler that threw, unless it threw to fail. @throws ActionBroken, CallAborted */
function endUnlessFailed(
  run: ActionRun,
  error: unknown,
  entry: MethodEntry,
  { failed, aborted }: ActionCommand,
): void {
  if (error instanceof CommandFailed && failed !== undefined) return;
  throw error instanceof CallAborted && aborted !== undefined ? aborted : broken(run, error, entry);
}

function broken(run: ActionRun, error: unknown, entry: MethodEntry | undefined): ActionBroken {
  if (!run.cancellation.caused(error)) run.report(entry === undefined ? "" : nameOf(entry.method), error);
  return new ActionBroken(brokenText(error), { cause: error });
}
