// SPDX-License-Identifier: Apache-2.0

import { promisify } from "node:util";

import type { DescMessage, Message } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { handleUnaryCall } from "@grpc/grpc-js";
import { Server, ServerCredentials } from "@grpc/grpc-js";

import type { Served } from "../../pkg/sdk/mod.ts";

/**
 * Serves the unary methods of the definitions over plain gRPC, with the same handlers and without a proxy. Everything
 * else is compared to this. State is only in this process's memory, by the field `userId` of the requests. Returns
 * the port.
 */
export async function serveDirectly(definitions: readonly Served[]): Promise<number> {
  const server = new Server();
  for (const definition of definitions) {
    const contextOf = contexts(definition);
    for (const [name, { method, handle, repliesEmpty }] of definition.methods) {
      if (method.methodKind !== "unary") continue;
      const { input, output } = method;
      const handler: handleUnaryCall<Message, Message> = (call, answer) => {
        const reply = handle(call.request, contextOf(call.request));
        answer(null, create(output, repliesEmpty ? {} : (reply as Record<string, unknown>)));
      };
      server.register(
        `/${definition.service.typeName}/${name}`,
        handler,
        (message) => Buffer.from(toBinary(output, message)),
        (bytes) => fromBinary(input, bytes),
        "unary",
      );
    }
  }
  const bind = promisify(server.bindAsync.bind(server));
  return bind("127.0.0.1:0", ServerCredentials.createInsecure());
}

/** Makes a handler's context for a request: only the parts of the SDK's that the samples' handlers use. */
function contexts(definition: Served): (request: Message) => unknown {
  if (definition.kind === "action") return () => ({ fail });
  const states = new Map<string, Message>();
  return (request) => {
    const { userId } = request as Message & { readonly userId: string };
    const put = (state: unknown): Message => {
      const message = create<DescMessage>(definition.state, state as Record<string, unknown>);
      states.set(userId, message);
      return message;
    };
    const state = states.get(userId) ?? definition.initial(userId);
    if (definition.kind === "value") return { entityId: userId, state, fail, update: put };
    const emit = (schema: DescMessage, event: Record<string, unknown>): Message => {
      const before = states.get(userId) ?? state;
      return put(definition.events.get(schema.typeName)?.apply(before, create(schema, event)));
    };
    return { entityId: userId, sequence: 0, state, fail, emit };
  };
}

function fail(description: string): never {
  throw new Error(description);
}
