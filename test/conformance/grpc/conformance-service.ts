// SPDX-License-Identifier: Apache-2.0

/** The service that gRPC's conformance runner calls, as an action on our SDK. Each request defines the answer to it. */

import { anyPack } from "@bufbuild/protobuf/wkt";

import type { ReplyOptions } from "../../../pkg/sdk/mod.ts";
import { action } from "../../../pkg/sdk/mod.ts";

import { Answers, answerOnce, requestInfo } from "./answers.ts";
import type { BidiStreamRequest, ConformancePayload } from "./gen/connectrpc/conformance/v1/service_pb.ts";
import {
  BidiStreamRequestSchema,
  BidiStreamResponseSchema,
  ClientStreamRequestSchema,
  ClientStreamResponseSchema,
  ConformanceService,
  IdempotentUnaryRequestSchema,
  IdempotentUnaryResponseSchema,
  ServerStreamRequestSchema,
  ServerStreamResponseSchema,
  UnaryRequestSchema,
  UnaryResponseSchema,
} from "./gen/connectrpc/conformance/v1/service_pb.ts";

export const conformanceService = action(ConformanceService, {
  unary(request, context) {
    const info = requestInfo(context, [anyPack(UnaryRequestSchema, request)]);
    return answerOnce(request.responseDefinition, info, context, (payload, options) =>
      context.reply(UnaryResponseSchema, { payload }, options),
    );
  },

  idempotentUnary(request, context) {
    const info = requestInfo(context, [anyPack(IdempotentUnaryRequestSchema, request)]);
    return answerOnce(request.responseDefinition, info, context, (payload, options) =>
      context.reply(IdempotentUnaryResponseSchema, { payload }, options),
    );
  },

  async clientStream(messages, context) {
    const requests = [];
    for await (const request of messages) requests.push(request);
    const packed = requests.map((request) => anyPack(ClientStreamRequestSchema, request));
    const definition = requests[0]?.responseDefinition;
    return answerOnce(definition, requestInfo(context, packed), context, (payload, options) =>
      context.reply(ClientStreamResponseSchema, { payload }, options),
    );
  },

  async *serverStream(request, context) {
    const answers = new Answers(request.responseDefinition, context, (payload, options) =>
      context.reply(ServerStreamResponseSchema, { payload }, options),
    );
    answers.saw(anyPack(ServerStreamRequestSchema, request));
    while (answers.left) yield await answers.next();
    answers.end();
  },

  async *bidiStream(messages, context) {
    const give = (payload: ConformancePayload, options: ReplyOptions) =>
      context.reply(BidiStreamResponseSchema, { payload }, options);
    const requests = messages[Symbol.asyncIterator]();
    const first = await requests.next();
    if (first.done === true) return;
    const { responseDefinition, fullDuplex } = first.value;
    const answers = new Answers(responseDefinition, context, give);
    let next: IteratorResult<BidiStreamRequest> = first;
    for (; next.done !== true; next = await requests.next()) {
      answers.saw(anyPack(BidiStreamRequestSchema, next.value));
      if (!fullDuplex) continue;
      if (!answers.left) break;
      yield await answers.next();
    }
    while (answers.left) yield await answers.next();
    answers.end();
  },

  unimplemented: (_request, { abort }) => abort("UNIMPLEMENTED", "not implemented"),
});
