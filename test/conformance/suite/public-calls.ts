// SPDX-License-Identifier: Apache-2.0

import type { DescMethod, Message } from "@bufbuild/protobuf";
import { toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";

import { pathOf } from "../wire/paths.ts";
import type { Call } from "../wire/peer.ts";
import type { ProxySide } from "./case.ts";
import { ExpectationError, expectCompletion, expectEqual, expectMessage, nameOf } from "./expectation.ts";

/** A call of the public port. */
export class PublicCall {
  readonly #call: Call;
  readonly #method: DescMethod;
  readonly #withinMs: number;

  constructor({ proxy, withinMs }: ProxySide, method: DescMethod) {
    this.#method = method;
    this.#withinMs = withinMs;
    this.#call = proxy.open(pathOf(method));
  }

  send(request: Message): this {
    this.#call.send(toBinary(this.#method.input, request));
    return this;
  }

  complete(): this {
    this.#call.complete();
    return this;
  }

  async expect(response: Message): Promise<void> {
    const expected = { schema: this.#method.output, messages: [response] } as const;
    await expectMessage(this.#call.answers, "the caller's response", expected, { withinMs: this.#withinMs });
  }

  async expectCompletion(): Promise<void> {
    await expectCompletion(this.#call.answers, "the caller's call", this.#withinMs);
  }

  /** The call must end with UNKNOWN and this text, as failures do. */
  async expectFailure(text: string): Promise<void> {
    const arrival = await this.#call.answers.next(this.#withinMs);
    if (arrival?.kind !== "failed") {
      throw new ExpectationError(`the caller's call did not fail: ${nameOf(arrival, this.#withinMs)}`, text);
    }
    const actual = { code: arrival.code, text: arrival.text };
    expectEqual("the status that the caller gets", actual, { code: status.UNKNOWN, text });
  }
}

/** One unary call and its response. */
export async function expectReply(
  side: ProxySide,
  method: DescMethod,
  request: Message,
  response: Message,
): Promise<void> {
  const call = new PublicCall(side, method).send(request).complete();
  await call.expect(response);
  await call.expectCompletion();
}

/** One unary call that fails. */
export async function expectFailure(
  side: ProxySide,
  method: DescMethod,
  request: Message,
  text: string,
): Promise<void> {
  await new PublicCall(side, method).send(request).complete().expectFailure(text);
}

/** One request of the HTTP API, and the JSON that comes back, letter by letter. */
export async function expectJson(
  { http }: ProxySide,
  path: string,
  request: string,
  response: string,
): Promise<void> {
  const expected = { status: 200, contentType: "application/json", body: response };
  expectEqual(`HTTP response to POST ${path} ${request}`, await http.call(path, request), expected);
}

/** One request of the HTTP API that fails, with this text. */
export async function expectHttpFailure(
  { http }: ProxySide,
  path: string,
  request: string,
  text: string,
): Promise<void> {
  const { status: code, body } = await http.call(path, request);
  const what = `HTTP response to POST ${path} ${request}`;
  expectEqual(what, { status: code, body }, { status: 500, body: text });
}
