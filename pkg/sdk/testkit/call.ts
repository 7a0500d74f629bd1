// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, DescMethod, DescService, MessageInitShape } from "@bufbuild/protobuf";

import type { ActionCommand, ActionResponse } from "../../protocol/gen/cloudstate/action_pb.ts";
import type { Action } from "../action.ts";
import { pack } from "../any.ts";
import type { CallFinish } from "../call-end.ts";
import { CallAborted } from "../call-end.ts";
import { Cancellation } from "../cancellation.ts";
import type { MetadataInit } from "../metadata.ts";
import { metadataToWire } from "../metadata.ts";
import type { ActionRun, ActionSource } from "../run-action.ts";
import { ActionBroken, runMany, runOnce } from "../run-action.ts";
import { toMessage } from "../to-message.ts";
import type { Answered } from "./answered.ts";
import { Targets } from "./answered.ts";
import { methodOf } from "./command.ts";
import { TestkitError } from "./error.ts";

/** A message or, of a method that takes a stream, messages. */
export type CallInput<Method extends DescMethod> = Method extends {
  readonly methodKind: "unary" | "server_streaming";
}
  ? MessageInitShape<Method["input"]>
  : Messages<Method["input"]>;

export type Messages<Input extends DescMessage> =
  | Iterable<MessageInitShape<Input> | WithMetadata<Input>>
  | AsyncIterable<MessageInitShape<Input> | WithMetadata<Input>>;

/** The result of the call: one answer or, of a method that gives a stream, answers. */
export type CallResult<Method extends DescMethod> = Method extends {
  readonly methodKind: "unary" | "client_streaming";
}
  ? Promise<Answered<Method["output"]>>
  : Answers<Method["output"]>;

/** The answers of a stream, pulled one by one. Leaving the loop cancels the call, as a caller that goes away does. */
export interface Answers<Output extends DescMessage> extends AsyncIterable<Answered<Output>> {
  /** All answers, of a stream that ends. */
  all(): Promise<readonly Answered<Output>[]>;
  /** What the handler gave to `finish`, when its stream has ended well; undefined before, and if it gave nothing. */
  readonly finish: CallFinish | undefined;
}

export interface CallerOptions {
  /** The metadata of the call. `Metadata.ofCloudEvent(...)` makes the message a CloudEvent's data. */
  readonly metadata?: MetadataInit;
  /** Aborting it cancels the call, as a caller that goes away does. */
  readonly signal?: AbortSignal;
}

/** One message of a stream that has metadata of its own. */
export class WithMetadata<Input extends DescMessage = DescMessage> {
  readonly init: MessageInitShape<Input>;
  readonly metadata: MetadataInit;

  constructor(init: MessageInitShape<Input>, metadata: MetadataInit) {
    this.init = init;
    this.metadata = metadata;
  }
}

/** For a stream of messages: this one comes with metadata. */
export function withMetadata<Input extends DescMessage>(
  init: MessageInitShape<Input>,
  metadata: MetadataInit,
): WithMetadata<Input> {
  return new WithMetadata(init, metadata);
}

/**
 * Calls a method of an action, by its camelCase name, without a proxy and without a network, on the code that a server
 * runs:
 *
 *     const { reply, effects } = await call(pipeline, "addAll", [{ productId: "p1" }, { productId: "p2" }]);
 *     for await (const { reply } of call(pipeline, "watch", { userId: "ann" })) break;
 *
 * Rejects with `TestkitError` where a server would end the call with an error. Its `cause` is the error that the
 * handler threw; after `abort` it is a `CallAborted` with the status, details, headers and trailers.
 */
export function call<Service extends DescService, Name extends keyof Service["method"] & string>(
  action: Action<Service>,
  name: Name,
  input: CallInput<Service["method"][Name]>,
  options: CallerOptions = {},
): CallResult<Service["method"][Name]> {
  const method = methodOf(action.service, name);
  const targets = new Targets();
  const run = runOf(action, targets, options);
  const read = (response: ActionResponse): Answered =>
    targets.read(method, { action: response.response, sideEffects: response.sideEffects }, {});
  const { methodKind } = method;
  const result =
    methodKind === "unary" || methodKind === "client_streaming"
      ? once(run, () => sourceOf(method, input, options, run.cancellation)).then(read)
      : answersOf(
          run,
          (finishing) => runMany(finishing, sourceOf(method, input, options, run.cancellation)),
          read,
        );
  return result as CallResult<Service["method"][Name]>;
}

function runOf(action: Action, { check }: Targets, { signal }: CallerOptions): ActionRun {
  const cancellation = new Cancellation();
  if (signal?.aborted === true) cancellation.cancel();
  signal?.addEventListener("abort", () => cancellation.cancel(), { once: true });
  return { find: () => action, report: () => undefined, check, cancellation };
}

function sourceOf(
  method: DescMethod,
  input: unknown,
  { metadata }: CallerOptions,
  cancellation: Cancellation,
): ActionSource {
  const shape = method.methodKind;
  if (shape === "unary" || shape === "server_streaming") {
    return { shape, command: commandOf(method, input, metadata) };
  }
  const commands = commandsOf(method, metadata, input as Messages<DescMessage>);
  return { shape, commands: untilCancelled(commands, cancellation) };
}

async function* commandsOf(
  method: DescMethod,
  metadata: MetadataInit | undefined,
  messages: Messages<DescMessage>,
): AsyncGenerator<ActionCommand, undefined> {
  yield commandOf(method, undefined, metadata);
  for await (const message of messages) {
    if (message instanceof WithMetadata) yield commandOf(method, message.init, message.metadata);
    else yield commandOf(method, message, undefined);
  }
}

function commandOf(method: DescMethod, init: unknown, metadata: MetadataInit | undefined): ActionCommand {
  const who = `the message of ${method.localName}`;
  return {
    $typeName: "cloudstate.action.ActionCommand",
    serviceName: method.parent.typeName,
    name: method.name,
    payload:
      init === undefined ? undefined : pack(method.input, toMessage(method.input, init, who, "BAD_MESSAGE")),
    metadata: metadataToWire(metadata),
  };
}

/** The same commands until the call is cancelled: then a waiting `next` rejects, as on a server. */
function untilCancelled(
  commands: AsyncGenerator<ActionCommand, undefined>,
  cancellation: Cancellation,
): AsyncIterator<ActionCommand> {
  return {
    next: () =>
      new Promise((resolve, reject) => {
        const forget = cancellation.onCancel(() => reject(cancellation.reason));
        if (!cancellation.cancelled) commands.next().then(resolve, reject).finally(forget);
      }),
    return: () => commands.return(undefined),
  };
}

async function once(run: ActionRun, source: () => ActionSource): Promise<ActionResponse> {
  try {
    return await runOnce(run, source());
  } catch (error) {
    throw toTestkitError(error);
  } finally {
    run.cancellation.settle();
  }
}

function answersOf(
  run: ActionRun,
  begin: (run: ActionRun) => AsyncGenerator<ActionResponse>,
  read: (response: ActionResponse) => Answered,
): Answers<DescMessage> {
  const { cancellation } = run;
  let finish: CallFinish | undefined;
  const finishing: ActionRun = { ...run, onFinish: (given) => (finish = given) };
  let responses: AsyncGenerator<ActionResponse> | undefined;
  const iterator: AsyncIterableIterator<Answered, undefined> = {
    next: async () => {
      try {
        const { done, value } = await (responses ??= begin(finishing)).next();
        if (done !== true) return { done: false, value: read(value) };
        cancellation.settle();
      } catch (error) {
        if (!cancellation.caused(causeOf(error))) throw toTestkitError(error);
      }
      return { done: true, value: undefined };
    },
    return: async () => {
      cancellation.cancel();
      await responses?.return(undefined);
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return {
    [Symbol.asyncIterator]: () => iterator,
    get finish() {
      return finish;
    },
    all: async () => {
      const all: Answered[] = [];
      for await (const one of iterator) all.push(one);
      return all;
    },
  };
}

function causeOf(error: unknown): unknown {
  return error instanceof ActionBroken ? error.cause : error;
}

function toTestkitError(error: unknown): unknown {
  if (error instanceof CallAborted) {
    const text = `the action ended the call with ${error.status}: ${error.message}`;
    return new TestkitError(text, { cause: error });
  }
  if (!(error instanceof ActionBroken)) return error;
  return new TestkitError(`the action ended the call: ${error.message}`, { cause: error.cause });
}
