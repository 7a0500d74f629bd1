// SPDX-License-Identifier: Apache-2.0

import { HttpError } from "./http-error.ts";

/**
 * The text of protobuf-es for a missing field, also in an `Any`. The error has no other mark; a test checks this
 * text.
 */
const MISSING = /^cannot encode field (\S+) to binary: required field not set$/;

/**
 * The refusal of a message that cannot be serialized because a `required` field is not set; undefined of any other
 * error.
 */
export function missingField(error: unknown): HttpError | undefined {
  const name = error instanceof Error ? MISSING.exec(error.message)?.[1] : undefined;
  if (name === undefined) return undefined;
  return new HttpError("REQUIRED_FIELD_MISSING", `field ${name} is required`, { cause: error });
}
