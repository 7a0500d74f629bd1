// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, DescMethodUnary, Message } from "@bufbuild/protobuf";
import { toJson } from "@bufbuild/protobuf";

import type { Answer } from "../kinds/answer.ts";
import type { EntityKind } from "../kinds/entity-kind.ts";
import type { Recorded } from "../wire/interceptor.ts";
import type { ProxySide } from "./case.ts";
import { ExpectationError, expectCompletion, expectMessage } from "./expectation.ts";
import { expectFailure, expectHttpFailure, expectJson, expectReply } from "./public-calls.ts";

/** An entity behind the proxy. Requests to it at the public port must appear on its stream, and nothing else. */
export class ObservedEntity<Action, Stored, Change> {
  readonly #side: ProxySide;
  readonly #kind: EntityKind<Action, Stored, Change>;
  readonly #id: string;
  readonly #method: DescMethodUnary;
  /** Its stream, once there is one. */
  #stream: Recorded | undefined;
  /** Commands on this stream. */
  #commands = 0;

  /** @param method the method that the requests call; default: the model's. */
  constructor(
    side: ProxySide,
    kind: EntityKind<Action, Stored, Change>,
    id: string,
    method: DescMethodUnary = kind.model,
  ) {
    this.#side = side;
    this.#kind = kind;
    this.#id = id;
    this.#method = method;
  }

  /** One gRPC call. The response to a forward is that of the second service, which is empty. */
  async process(
    actions: readonly Action[],
    answer: Answer<Change>,
    ...others: readonly Answer<Change>[]
  ): Promise<Answer<Change>> {
    const { outcome } = answer;
    const request = this.#kind.request(this.#id, actions);
    if (outcome.kind === "failure") {
      await expectFailure(this.#side, this.#method, request, outcome.description);
    } else {
      const response = this.#kind.response(outcome.kind === "reply" ? outcome.message : "");
      await expectReply(this.#side, this.#method, request, response);
    }
    return this.expectCommand(actions, answer, ...others);
  }

  /** The same by HTTP. */
  async post(
    actions: readonly Action[],
    answer: Answer<Change>,
    ...others: readonly Answer<Change>[]
  ): Promise<Answer<Change>> {
    const { outcome } = answer;
    const path = this.#kind.httpPath(this.#id);
    // The id is in the path.
    const json = JSON.stringify(toJson(this.#method.input, this.#kind.request("", actions)));
    if (outcome.kind === "failure") await expectHttpFailure(this.#side, path, json, outcome.description);
    else {
      const message = outcome.kind === "reply" ? outcome.message : "";
      await expectJson(this.#side, path, json, JSON.stringify({ message }));
    }
    return this.expectCommand(actions, answer, ...others);
  }

  /** Expects that the proxy opened a stream and sent the stored state. */
  async expectActivation(stored?: Stored): Promise<void> {
    const { interceptor, withinMs } = this.#side;
    const stream = await interceptor.claim(this.#kind.path, withinMs);
    if (stream === undefined) {
      throw new ExpectationError(`no stream of ${this.#kind.protocol} was opened within ${withinMs} ms`);
    }
    this.#stream = stream;
    this.#commands = 0;
    for (const message of this.#kind.activation(this.#method.parent, this.#id, stored)) {
      await this.#expect("what the proxy sends", stream.fromProxy, this.#kind.streamIn, [message]);
    }
  }

  /** The next command, and its answer, which must be one of these; before the first one, the activation. */
  async expectCommand(
    actions: readonly Action[],
    answer: Answer<Change>,
    ...others: readonly Answer<Change>[]
  ): Promise<Answer<Change>> {
    if (this.#stream === undefined) await this.expectActivation();
    const { fromProxy, fromService } = this.#open();
    this.#commands += 1;
    const id = this.#commands;
    const command = { id, entityId: this.#id, method: this.#method, actions };
    await this.#expect(`command ${id}`, fromProxy, this.#kind.streamIn, [this.#kind.command(command)]);
    const answers = others.map((other) => this.#kind.answer(id, other));
    const index = await this.#expect(`answer to command ${id}`, fromService, this.#kind.streamOut, [
      this.#kind.answer(id, answer),
      ...answers,
    ]);
    return others[index - 1] ?? answer;
  }

  /** Expects that both sides close the stream regularly. */
  async expectClosed(withinMs = this.#side.withinMs): Promise<void> {
    const { fromProxy, fromService } = this.#open();
    await expectCompletion(fromProxy, "the proxy's half of the stream", withinMs);
    await expectCompletion(fromService, "the user function's half of the stream", withinMs);
    this.#stream = undefined;
  }

  /** Expects that no further message has passed on the stream. */
  expectNothingMore(): void {
    const { fromProxy, fromService } = this.#open();
    const more = fromProxy.unread.length + fromService.unread.length;
    if (more > 0) throw new ExpectationError(`${more} messages more than expected passed on the stream`);
  }

  #open(): Recorded {
    if (this.#stream === undefined) throw new ExpectationError("the entity has no stream");
    return this.#stream;
  }

  #expect(
    what: string,
    inbox: Recorded["fromProxy"],
    schema: DescMessage,
    messages: readonly [Message, ...Message[]],
  ): Promise<number> {
    return expectMessage(inbox, what, { schema, messages }, { withinMs: this.#side.withinMs });
  }
}
