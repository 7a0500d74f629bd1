// SPDX-License-Identifier: Apache-2.0

import type { DescMethod } from "@bufbuild/protobuf";

import { Status } from "../grpc/mod.ts";
import { MessageError, requiredFieldFinder } from "../protocol/mod.ts";
import { tooManyFields } from "../router/mod.ts";

import { endpointError } from "./endpoint-error.ts";

/**
 * @throws StatusError `REQUIRED_FIELD_MISSING`, `REQUEST_TOO_MANY_FIELDS`, or `MALFORMED_MESSAGE` if the bytes are not
 * a message at all.
 */
export type RequiredFieldsCheck = (message: Uint8Array) => void;

/**
 * Checks the messages that callers of a method send as bytes, which the proxy would otherwise pass on unread. Without
 * the check, the user function could not parse a message that lacks a required field, and its caller would get a
 * failed stream instead of the reason. Undefined if no field is required, as in all of proto3.
 */
export function requiredFieldsCheck(
  { input }: DescMethod,
  maxFields: number,
): RequiredFieldsCheck | undefined {
  const find = requiredFieldFinder(input);
  if (find === undefined) return undefined;
  return (message) => {
    let missing: string | undefined;
    try {
      missing = find(message, maxFields);
    } catch (error) {
      if (error instanceof MessageError) throw tooManyFields(input, maxFields);
      const text = `the request is not a ${input.typeName}`;
      throw endpointError(Status.INVALID_ARGUMENT, "MALFORMED_MESSAGE", text, error);
    }
    if (missing === undefined) return;
    throw endpointError(Status.INVALID_ARGUMENT, "REQUIRED_FIELD_MISSING", `field ${missing} is required`);
  };
}

/** The messages, each of which is checked when it is asked for. */
export function checked(
  messages: AsyncIterable<Uint8Array>,
  check: RequiredFieldsCheck,
): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const source = messages[Symbol.asyncIterator]();
      return {
        async next() {
          const item = await source.next();
          if (item.done !== true) check(item.value);
          return item;
        },
        // Ends the source at once, even while a message is awaited.
        async return() {
          await source.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}
