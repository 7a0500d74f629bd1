// SPDX-License-Identifier: Apache-2.0

import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type {
  Client,
  ClientDuplexStream,
  ClientReadableStream,
  ClientUnaryCall,
  ClientWritableStream,
  ServiceError,
} from "@grpc/grpc-js";

import type { ActionCommand, ActionResponse } from "../../protocol/gen/cloudstate/action_pb.ts";
import { ActionCommandSchema, ActionProtocol } from "../../protocol/gen/cloudstate/action_pb.ts";
import { pack } from "../any.ts";
import type { Groups } from "./gen/model_pb.ts";
import { GroupsSchema, Pipeline } from "./gen/model_pb.ts";
import type { ShortAnswer } from "./short.ts";
import { shortAnswer } from "./short.ts";
import type { Step } from "./wire.ts";
import { decoder, encoder, groups, pathOf } from "./wire.ts";

type CommandInit = MessageInitShape<typeof ActionCommandSchema>;

const { handleUnary, handleStreamedIn, handleStreamedOut, handleStreamed } = ActionProtocol.method;
const encode = encoder(ActionCommandSchema);
const decode = decoder(ActionProtocol.method.handleUnary.output);

/** The command of a method with its message; without, the one that begins a stream. */
export function actionCommand(name: string, message?: Groups, more: CommandInit = {}): ActionCommand {
  return create(ActionCommandSchema, {
    serviceName: Pipeline.typeName,
    name,
    ...(message !== undefined && { payload: pack(GroupsSchema, message) }),
    ...more,
  });
}

/** One of the messages that follow the first one of a stream. */
export function element(...steps: readonly Step[]): ActionCommand {
  return create(ActionCommandSchema, { payload: pack(GroupsSchema, groups(steps)) });
}

export function short({ response, sideEffects }: ActionResponse): ShortAnswer {
  return shortAnswer(response, sideEffects);
}

/** A call with one answer, and what can be done to it before that. */
export interface Pending<Call> {
  readonly call: Call;
  readonly answer: Promise<ActionResponse>;
}

export function unary(client: Client, command: ActionCommand): Pending<ClientUnaryCall> {
  const { promise, settle } = answerPromise();
  const call = client.makeUnaryRequest(pathOf(handleUnary), encode, decode, command, settle);
  return { call, answer: promise };
}

export function streamedIn(client: Client): Pending<ClientWritableStream<ActionCommand>> {
  const { promise, settle } = answerPromise();
  const call = client.makeClientStreamRequest(pathOf(handleStreamedIn), encode, decode, settle);
  return { call, answer: promise };
}

export function streamedOut(client: Client, command: ActionCommand): ClientReadableStream<ActionResponse> {
  return client.makeServerStreamRequest(pathOf(handleStreamedOut), encode, decode, command);
}

export function streamed(client: Client): ClientDuplexStream<ActionCommand, ActionResponse> {
  return client.makeBidiStreamRequest(pathOf(handleStreamed), encode, decode);
}

/** Every answer of a stream, until its end. */
export async function all(call: AsyncIterable<ActionResponse>): Promise<ShortAnswer[]> {
  const answers: ShortAnswer[] = [];
  for await (const response of call) answers.push(short(response));
  return answers;
}

function answerPromise(): {
  readonly promise: Promise<ActionResponse>;
  readonly settle: (error: ServiceError | null, response?: ActionResponse) => void;
} {
  const { promise, resolve, reject } = Promise.withResolvers<ActionResponse>();
  const settle = (error: ServiceError | null, response?: ActionResponse): void => {
    if (error === null && response !== undefined) resolve(response);
    else reject(error);
  };
  // Not every test awaits it, and a rejection must not end the process.
  promise.catch(() => undefined);
  return { promise, settle };
}
