// SPDX-License-Identifier: Apache-2.0

import { create, fromBinary, toJson } from "@bufbuild/protobuf";
import type { DescField, DescMessage, JsonValue, Message, Registry } from "@bufbuild/protobuf";

import { HttpError } from "./http-error.ts";
import { isHttpBody } from "./http-rule.ts";
import type { HttpBinding } from "./http-rule.ts";
import { hasFieldsInJson } from "./parameter.ts";

/** The body of a successful answer. */
export interface ReplyBody {
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

/** Turns a serialized output message into the answer's body. Throws HttpError MALFORMED_REPLY if it is none. */
export type ReplyEncoder = (payload: Uint8Array) => ReplyBody;

/** Turns a serialized output message into a JSON text without line breaks. Throws as a `ReplyEncoder` does. */
export type ReplyText = (payload: Uint8Array) => string;

const JSON_TYPE = "application/json";

/** What bytes are if nobody says it. */
export const BYTES_TYPE = "application/octet-stream";

/**
 * The encoder of a binding: the output message or its response field as protobuf JSON; a `google.api.HttpBody` as its
 * own bytes.
 *
 * @param types resolves the `Any`s in a reply.
 */
export function replyEncoder(binding: HttpBinding, types: Registry): ReplyEncoder {
  if (answersWithBytes(binding)) return (payload) => httpBody(binding, payload);
  const json = replyText(binding, types);
  // Many commands answer with an empty message, which is always the same text.
  let empty: ReplyBody | undefined;
  return (payload) => {
    if (payload.length > 0) return { contentType: JSON_TYPE, body: json(payload) };
    return (empty ??= { contentType: JSON_TYPE, body: json(payload) });
  };
}

/** True if what a binding answers is a `google.api.HttpBody`. */
export function answersWithBytes({ method, responseField }: HttpBinding): boolean {
  if (responseField === undefined) return isHttpBody(method.output);
  return responseField.fieldKind === "message" && isHttpBody(responseField.message);
}

/** The output message or its response field as protobuf JSON with default values, compact (as Cloudstate's proxy does). */
export function replyText(binding: HttpBinding, types: Registry): ReplyText {
  const { output } = binding.method;
  const options = { alwaysEmitImplicit: true, registry: types };
  const field = binding.responseField;
  return (payload) => {
    try {
      const message = toJson(output, fromBinary(output, payload), options);
      return JSON.stringify(field === undefined ? message : fieldJson(message, field, options));
    } catch (error) {
      throw malformed(output, error);
    }
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

function httpBody({ method, responseField }: HttpBinding, payload: Uint8Array): ReplyBody {
  const { output } = method;
  try {
    const reply = fromBinary(output, payload);
    const message = responseField === undefined ? reply : fieldMessage(reply, responseField);
    const { contentType, data } = message as unknown as { contentType: string; data: Uint8Array };
    return { contentType: headerValue(contentType) ?? BYTES_TYPE, body: data };
  } catch (error) {
    throw malformed(output, error);
  }
}

function fieldMessage(message: Message, field: DescField): Message {
  if (field.fieldKind !== "message") throw new TypeError(`${field.name} is no message`);
  const value = (message as unknown as Readonly<Record<string, Message | undefined>>)[field.localName];
  return value ?? create(field.message);
}

/** A text as the value of a header, without blanks at its edges; undefined if it has other than printable ASCII. */
export function headerValue(text: string): string | undefined {
  return /^[\x20-\x7e]*$/.test(text) ? text.trim() || undefined : undefined;
}

function malformed(output: DescMessage, cause: unknown): HttpError {
  const message = `the user function's reply is not a valid ${output.typeName}`;
  return new HttpError("MALFORMED_REPLY", message, { cause });
}
