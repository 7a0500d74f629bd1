// SPDX-License-Identifier: Apache-2.0

import { inspect } from "node:util";

import type { DescMessage, Message, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";

import { SdkError } from "./error.ts";

/**
 * Turns what a user's function gave into the expected message. Plain fields become a whole message.
 *
 * @throws SdkError with the code `code`.
 */
export function toMessage<Desc extends DescMessage>(
  schema: Desc,
  given: unknown,
  who: string,
  code: "BAD_RESULT" | "BAD_MESSAGE",
): MessageShape<Desc> {
  if (typeof given !== "object" || given === null) {
    const what = given === undefined ? "nothing" : inspect(given);
    throw new SdkError(code, `${who} gave ${what} in place of ${schema.typeName}`);
  }
  if (given instanceof Promise) {
    // It is not awaited, so its rejection must not end the process.
    given.catch(() => undefined);
    throw new SdkError(code, `${who} is async, which it must not be`);
  }
  const init = given as Partial<Message>;
  if (init.$typeName !== undefined && init.$typeName !== schema.typeName) {
    throw new SdkError(code, `${who} gave ${init.$typeName} in place of ${schema.typeName}`);
  }
  return create(schema, init as MessageInitShape<Desc>);
}
