// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, Message } from "@bufbuild/protobuf";
import { toBinary } from "@bufbuild/protobuf";

import type { Call, Peer } from "../wire/peer.ts";
import { expectCompletion, expectMessage } from "./expectation.ts";

/** A call in which every message is sent by the case, and every answer is checked. */
export class Conversation {
  readonly #call: Call;
  readonly #answers: DescMessage;
  readonly #withinMs: number;
  #answered = 0;

  /** Begins a call. @param answers the type of its answers. */
  constructor(peer: Peer, path: string, answers: DescMessage, withinMs: number) {
    this.#call = peer.open(path);
    this.#answers = answers;
    this.#withinMs = withinMs;
  }

  send(schema: DescMessage, message: Message): this {
    this.#call.send(toBinary(schema, message));
    return this;
  }

  complete(): this {
    this.#call.complete();
    return this;
  }

  /** Waits for the next answer, which must be one of these. @returns which one. */
  async expect(...messages: readonly [Message, ...Message[]]): Promise<number> {
    this.#answered += 1;
    const what = `answer ${this.#answered}`;
    const expected = { schema: this.#answers, messages };
    return expectMessage(this.#call.answers, what, expected, { withinMs: this.#withinMs });
  }

  async expectCompletion(): Promise<void> {
    await expectCompletion(this.#call.answers, "the call", this.#withinMs);
  }
}
