// SPDX-License-Identifier: Apache-2.0

import { create, fromBinary, toJson } from "@bufbuild/protobuf";
import type { DescField, DescMessage, JsonValue, Registry } from "@bufbuild/protobuf";

import { HttpError } from "./http-error.ts";
import type { HttpBinding } from "./http-rule.ts";
import { hasFieldsInJson } from "./parameter.ts";

/** The body of a successful answer. */
export interface ReplyBody {
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

/** Turns a serialized output message into the answer's body. */
export type ReplyEncoder = (payload: Uint8Array) => ReplyBody;

const JSON_TYPE = "application/json";

/**
 * The encoder of a binding: the output message or its response field as protobuf JSON with default values, compact
 * (as Cloudstate's proxy does); a `google.api.HttpBody` as its own bytes.
 *
 * The encoder throws HttpError MALFORMED_REPLY if the payload is not the output message.
 *
 * @param types resolves the `Any`s in a reply.
 */
export function replyEncoder(binding: HttpBinding, types: Registry): ReplyEncoder {
  const { output } = binding.method;
  if (output.typeName === "google.api.HttpBody") return (payload) => httpBody(output, payload);
  const options = { alwaysEmitImplicit: true, registry: types };
  const field = binding.responseField;
  const json = (payload: Uint8Array): string => {
    try {
      const message = toJson(output, fromBinary(output, payload), options);
      return JSON.stringify(field === undefined ? message : fieldJson(message, field, options));
    } catch (error) {
      throw malformed(output, error);
    }
  };
  // Many commands answer with an empty message, which is always the same text.
  let empty: ReplyBody | undefined;
  return (payload) => {
    if (payload.length > 0) return { contentType: JSON_TYPE, body: json(payload) };
    return (empty ??= { contentType: JSON_TYPE, body: json(payload) });
  };
}

function fieldJson(
  message: JsonValue,
  field: DescField,
  options: { readonly alwaysEmitImplicit: boolean; readonly registry: Registry },
): JsonValue {
  const value = (message as Readonly<Record<string, JsonValue | undefined>>)[field.jsonName];
  if (value !== undefined) return value;
  // An unset message is shown as its defaults, as if it stood alone; what has no such form is null.
  if (field.fieldKind !== "message" || !hasFieldsInJson(field.message)) return null;
  return toJson(field.message, create(field.message), options);
}

function httpBody(output: DescMessage, payload: Uint8Array): ReplyBody {
  try {
    const message = fromBinary(output, payload) as unknown as { contentType: string; data: Uint8Array };
    const contentType = isHeaderValue(message.contentType) ? message.contentType : "application/octet-stream";
    return { contentType, body: message.data };
  } catch (error) {
    throw malformed(output, error);
  }
}

/** Printable ASCII, so that a user function cannot write headers of its own. */
function isHeaderValue(text: string): boolean {
  return /^[\x21-\x7e][\x20-\x7e]*$/.test(text);
}

function malformed(output: DescMessage, cause: unknown): HttpError {
  const message = `the user function's reply is not a valid ${output.typeName}`;
  return new HttpError("MALFORMED_REPLY", message, { cause });
}
