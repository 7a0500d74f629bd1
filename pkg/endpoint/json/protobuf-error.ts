// SPDX-License-Identifier: Apache-2.0

// Translates the errors of protobuf-es, which differ only in their texts: here alone, and tests check them.

import { HttpError } from "../http/http-error.ts";
import { errorText } from "./error-text.ts";
import { MAX_MESSAGE_DEPTH } from "./limits.ts";

/** The text for a missing field, also in an `Any`. */
const MISSING = /^cannot encode field (\S+) to binary: required field not set$/;

/** The refusal of a message that lacks a `required` field and so cannot be serialized; undefined of other errors. */
export function missingField(error: unknown): HttpError | undefined {
  const name = error instanceof Error ? MISSING.exec(error.message)?.[1] : undefined;
  if (name === undefined) return undefined;
  return new HttpError("REQUIRED_FIELD_MISSING", `field ${name} is required`, { cause: error });
}

/** The refusal of JSON that is no message of its type. */
export function jsonError(cause: unknown): HttpError {
  const message = cause instanceof Error ? cause.message : "";
  if (message.endsWith(` maximum recursion depth of ${MAX_MESSAGE_DEPTH} reached`)) {
    const text = `more than ${MAX_MESSAGE_DEPTH} messages are inside each other; each level of a Value, Struct or ListValue is one`;
    return new HttpError("JSON_TOO_DEEP", text, { cause });
  }
  // Not by a regular expression, because the message quotes the caller's input, which could make it run for hours.
  const isUnknownKey = message.includes(' from JSON: key "') && message.endsWith('" is unknown');
  return new HttpError(isUnknownKey ? "UNKNOWN_JSON_FIELD" : "WRONG_FIELD_TYPE", errorText(cause), { cause });
}
