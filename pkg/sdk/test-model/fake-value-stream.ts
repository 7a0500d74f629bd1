// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { Client, ClientDuplexStream } from "@grpc/grpc-js";

import type {
  ValueEntityStreamIn,
  ValueEntityStreamOut,
} from "../../protocol/gen/cloudstate/value_entity_pb.ts";
import { ValueEntity, ValueEntityStreamInSchema } from "../../protocol/gen/cloudstate/value_entity_pb.ts";
import { pack, unpack } from "../any.ts";
import { StateSchema, ValueModel } from "./gen/model_pb.ts";
import type { ShortAnswer } from "./short.ts";
import { shortAnswer } from "./short.ts";
import type { Step } from "./wire.ts";
import { decoder, encoder, pathOf, request } from "./wire.ts";

export type ValueAnswer =
  | (ShortAnswer & { readonly update?: string; readonly delete?: true })
  | { readonly broken: string; readonly commandId: number }
  | "end";

/** The proxy's end of a value entity's stream. */
export class FakeValueStream {
  readonly call: ClientDuplexStream<ValueEntityStreamIn, ValueEntityStreamOut>;
  readonly #messages: AsyncIterator<ValueEntityStreamOut>;
  #entityId = "";
  #commandId = 0n;

  /** Opens a stream and sends nothing yet. */
  constructor(client: Client) {
    const { handle } = ValueEntity.method;
    this.call = client.makeBidiStreamRequest(pathOf(handle), encoder(handle.input), decoder(handle.output));
    this.#messages = this.call[Symbol.asyncIterator]();
  }

  send(message: ValueEntityStreamIn["message"]): void {
    this.call.write(create(ValueEntityStreamInSchema, { message }));
  }

  init(entityId: string, value?: string | Any, serviceName = ValueModel.typeName): this {
    this.#entityId = entityId;
    const any = typeof value === "string" ? pack(StateSchema, create(StateSchema, { value })) : value;
    this.send({
      case: "init",
      value: {
        $typeName: "cloudstate.valueentity.ValueEntityInit",
        serviceName,
        entityId,
        state: {
          $typeName: "cloudstate.valueentity.ValueEntityInitState",
          ...(any !== undefined && { value: any }),
        },
      },
    });
    return this;
  }

  command(
    steps: readonly Step[],
    { name = "Process", entityId = this.#entityId, payload = request(steps) } = {},
  ): void {
    this.#commandId += 1n;
    this.send({
      case: "command",
      value: {
        $typeName: "cloudstate.Command",
        entityId,
        id: this.#commandId,
        name,
        payload,
        streamed: false,
      },
    });
  }

  /** One command and its answer, in short. */
  async process(...steps: Step[]): Promise<ValueAnswer> {
    this.command(steps);
    return this.answer();
  }

  async next(): Promise<ValueEntityStreamOut | "end"> {
    const { done, value } = await this.#messages.next();
    return done === true ? "end" : value;
  }

  async answer(): Promise<ValueAnswer> {
    const out = await this.next();
    if (out === "end") return out;
    if (out.message.case !== "reply") {
      const failure = out.message.value;
      return { broken: failure?.description ?? "", commandId: Number(failure?.commandId) };
    }
    const { clientAction, sideEffects, stateAction } = out.message.value;
    const action = stateAction?.action;
    return {
      ...shortAnswer(clientAction?.action, sideEffects),
      ...(action?.case === "update" && { update: unpack(StateSchema, action.value.value, "state").value }),
      ...(action?.case === "delete" && { delete: true }),
    };
  }

  /** Half-closes, and resolves when the other side has ended without a message more. */
  async end(): Promise<ValueAnswer> {
    this.call.end();
    return this.answer();
  }
}
