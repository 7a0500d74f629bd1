// SPDX-License-Identifier: Apache-2.0

import type { DescMethod } from "@bufbuild/protobuf";

import { Status, StatusError } from "../grpc/mod.ts";
import { requiredFieldFinder } from "../protocol/mod.ts";

/** Why the check for required fields refuses a caller's serialized message. */
export type RequiredFieldErrorCode =
  /** A field that is marked as `required` is not set. */
  | "REQUIRED_FIELD_MISSING"
  /** The bytes are not a message at all. */
  | "MALFORMED_MESSAGE";

/** @throws StatusError with a `RequiredFieldErrorCode` */
export type RequiredFieldsCheck = (message: Uint8Array) => void;

/**
 * Checks the messages that callers of a method send as bytes, which the proxy would otherwise pass on unread. Without
 * the check, the user function could not parse a message that lacks a required field, and its caller would get a
 * failed stream instead of the reason. Undefined if no field is required, as in all of proto3.
 */
export function requiredFieldsCheck({ input }: DescMethod): RequiredFieldsCheck | undefined {
  const find = requiredFieldFinder(input);
  if (find === undefined) return undefined;
  return (message) => {
    let missing: string | undefined;
    try {
      missing = find(message);
    } catch (error) {
      throw refusal("MALFORMED_MESSAGE", `the request is not a ${input.typeName}`, error);
    }
    if (missing !== undefined) throw refusal("REQUIRED_FIELD_MISSING", `field ${missing} is required`);
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

function refusal(code: RequiredFieldErrorCode, text: string, cause?: unknown): StatusError {
  return new StatusError(Status.INVALID_ARGUMENT, code, text, cause === undefined ? undefined : { cause });
}
