// SPDX-License-Identifier: Apache-2.0
// The sample's shopping cart as a process: its entities for a proxy, and the same handlers as plain unary gRPC, without
// a proxy, which is what everything else is compared to. `node user-function.ts [snapshot every N events]`

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { handleUnaryCall, MethodDefinition } from "@grpc/grpc-js";

import { serve } from "../../pkg/sdk/mod.ts";
import type { CommandContext } from "../../pkg/sdk/mod.ts";
import { cart } from "../../samples/shopping-cart/cart.ts";

import type { UserFunctionReady } from "./messages.ts";

process.on("disconnect", () => process.exit(0));

const snapshotEvery = Number(process.argv[2] ?? cart.snapshotEvery);
const running = await serve({ entities: [{ ...cart, snapshotEvery }], port: 0 });
const ready: UserFunctionReady = { entityPort: running.port, directPort: await serveDirectly() };
process.send?.(ready);

/** The service's methods on carts that are only in this process's memory. */
function serveDirectly(): Promise<number> {
  const states = new Map<string, Message>();
  const server = new Server();
  for (const [name, { method, handle, repliesEmpty }] of cart.methods) {
    const handler: handleUnaryCall<Message, Message> = (call, answer) => {
      const { userId } = call.request as Message & { readonly userId: string };
      const context = new DirectContext(userId, states.get(userId) ?? cart.initial(userId));
      const reply = handle(call.request, context);
      states.set(userId, context.state);
      answer(null, create(method.output, repliesEmpty ? {} : (reply as Record<string, unknown>)));
    };
    const definition: MethodDefinition<Message, Message> = {
      path: `/${cart.service.typeName}/${name}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: encoder(method.input),
      requestDeserialize: decoder(method.input),
      responseSerialize: encoder(method.output),
      responseDeserialize: decoder(method.output),
    };
    server.addService({ [name]: definition }, { [name]: handler });
  }
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

/** Does with events what the SDK does, without keeping them. */
class DirectContext
  implements Pick<CommandContext<Message>, "entityId" | "sequence" | "state" | "emit" | "fail">
{
  readonly entityId: string;
  readonly sequence = 0;
  state: Message;

  constructor(entityId: string, state: Message) {
    this.entityId = entityId;
    this.state = state;
  }

  get emit(): CommandContext<Message>["emit"] {
    return (schema, event) => {
      const applied = cart.events.get(schema.typeName)?.apply(this.state, create(schema, event));
      this.state = create<DescMessage>(cart.state, applied as Record<string, unknown>);
      return this.state;
    };
  }

  get fail(): (description: string) => never {
    return (description) => {
      throw new Error(description);
    };
  }
}

function encoder(schema: DescMessage): (message: Message) => Buffer {
  return (message) => Buffer.from(toBinary(schema, message));
}

function decoder(schema: DescMessage): (bytes: Buffer) => Message {
  return (bytes) => fromBinary(schema, bytes);
}
