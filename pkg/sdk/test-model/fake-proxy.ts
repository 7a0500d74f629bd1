// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, DescMethod, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import { Client, credentials } from "@grpc/grpc-js";

import { EntityDiscovery } from "../../protocol/gen/cloudstate/entity_pb.ts";
import type {
  EventSourcedStreamIn,
  EventSourcedStreamOut,
} from "../../protocol/gen/cloudstate/event_sourced_pb.ts";
import { EventSourced, EventSourcedStreamInSchema } from "../../protocol/gen/cloudstate/event_sourced_pb.ts";
import { pack, unpack } from "../any.ts";
import { AppendedSchema, Model, StateSchema } from "./gen/model_pb.ts";
import type { ShortAnswer } from "./short.ts";
import { shortAnswer } from "./short.ts";
import type { Step } from "./wire.ts";
import { decoder, encoder, pathOf, request } from "./wire.ts";

/** A proxy's side of the protocol, driven by a test: sends the test's messages and returns the answers. */
export class FakeProxy {
  readonly client: Client;

  constructor(port: number) {
    this.client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  }

  discover(
    proxy: MessageInitShape<typeof EntityDiscovery.method.discover.input>,
  ): Promise<MessageShape<typeof EntityDiscovery.method.discover.output>> {
    return this.#unary(EntityDiscovery.method.discover, proxy);
  }

  async reportError(message: string): Promise<void> {
    await this.#unary(EntityDiscovery.method.reportError, { message });
  }

  /** Opens a stream and sends nothing yet. */
  open(): FakeStream {
    const { handle } = EventSourced.method;
    return new FakeStream(
      this.client.makeBidiStreamRequest(pathOf(handle), encoder(handle.input), decoder(handle.output)),
    );
  }

  /** An activated entity: init, with a snapshot if there is one, and the events after it. */
  activate(
    entityId: string,
    { snapshot, events = [] }: { snapshot?: { sequence: number; value: string }; events?: string[] } = {},
  ): FakeStream {
    const stream = this.open();
    stream.init(entityId, snapshot);
    for (const [index, value] of events.entries()) stream.event((snapshot?.sequence ?? 0) + index + 1, value);
    return stream;
  }

  #unary<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethod & { readonly input: Input; readonly output: Output },
    request: MessageInitShape<Input>,
  ): Promise<MessageShape<Output>> {
    return new Promise((done, failed) => {
      this.client.makeUnaryRequest(
        pathOf(method),
        encoder(method.input),
        decoder(method.output),
        create(method.input, request),
        (error, reply) => (error === null && reply !== undefined ? done(reply) : failed(error)),
      );
    });
  }
}

export class FakeStream {
  readonly call: ClientDuplexStream<EventSourcedStreamIn, EventSourcedStreamOut>;
  readonly #messages: AsyncIterator<EventSourcedStreamOut>;
  #entityId = "";
  #commandId = 0n;

  constructor(call: ClientDuplexStream<EventSourcedStreamIn, EventSourcedStreamOut>) {
    this.call = call;
    this.#messages = call[Symbol.asyncIterator]();
  }

  send(message: EventSourcedStreamIn["message"]): void {
    this.call.write(create(EventSourcedStreamInSchema, { message }));
  }

  init(entityId: string, snapshot?: { sequence: number; value: string }, serviceName = Model.typeName): void {
    this.#entityId = entityId;
    this.send({
      case: "init",
      value: {
        $typeName: "cloudstate.eventsourced.EventSourcedInit",
        serviceName,
        entityId,
        snapshot: snapshot && {
          $typeName: "cloudstate.eventsourced.EventSourcedSnapshot",
          snapshotSequence: BigInt(snapshot.sequence),
          snapshot: pack(StateSchema, create(StateSchema, { value: snapshot.value })),
        },
      },
    });
  }

  event(sequence: number, event: string | Any): void {
    const payload =
      typeof event === "string" ? pack(AppendedSchema, create(AppendedSchema, { value: event })) : event;
    this.send({
      case: "event",
      value: { $typeName: "cloudstate.eventsourced.EventSourcedEvent", sequence: BigInt(sequence), payload },
    });
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
  async process(...steps: Step[]): Promise<Answer> {
    this.command(steps);
    return this.answer();
  }

  async next(): Promise<EventSourcedStreamOut | "end"> {
    const { done, value } = await this.#messages.next();
    return done === true ? "end" : value;
  }

  async answer(): Promise<Answer> {
    return short(await this.next());
  }

  /** Half-closes, and resolves when the other side has ended without a message more. */
  async end(): Promise<Answer> {
    this.call.end();
    return this.answer();
  }
}

export type Answer =
  | (ShortAnswer & { readonly events?: readonly string[]; readonly snapshot?: string })
  | { readonly broken: string; readonly commandId: number }
  | "end";

function short(out: EventSourcedStreamOut | "end"): Answer {
  if (out === "end") return out;
  if (out.message.case !== "reply") {
    const failure = out.message.value;
    return { broken: failure?.description ?? "", commandId: Number(failure?.commandId) };
  }
  const { clientAction, events, snapshot, sideEffects } = out.message.value;
  return {
    ...shortAnswer(clientAction?.action, sideEffects),
    ...(events.length > 0 && { events: events.map((event) => unpack(AppendedSchema, event, "event").value) }),
    ...(snapshot !== undefined && { snapshot: unpack(StateSchema, snapshot, "snapshot").value }),
  };
}
