// SPDX-License-Identifier: Apache-2.0

import type { Outcome } from "../entity/mod.ts";
import { Status } from "../grpc/mod.ts";
import type { ServedMethod } from "../userfunction/mod.ts";

import { routerError } from "./router-error.ts";

/** Whether a method has any number of answers. */
export function answersWithStream({ desc }: ServedMethod): boolean {
  return desc.methodKind === "server_streaming" || desc.methodKind === "bidi_streaming";
}

/** The only answer of a method that takes a stream and gives one message. @throws StatusError if there are more. */
export async function onlyAnswer(outcomes: AsyncIterable<Outcome>): Promise<Outcome> {
  let only: Outcome | undefined;
  for await (const outcome of outcomes) {
    if (only !== undefined) {
      const text = "the user function gave more than one answer to a command that takes one";
      throw routerError(Status.INTERNAL, "MESSAGE_COUNT", text);
    }
    only = outcome;
  }
  return only ?? { kind: "nothing", effects: [] };
}

/** A stream of one message. */
export async function* only(payload: Uint8Array): AsyncIterable<Uint8Array> {
  yield payload;
}
