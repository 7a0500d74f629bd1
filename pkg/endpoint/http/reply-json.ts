// SPDX-License-Identifier: Apache-2.0

import type { DescField, Message, Registry } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";

import type { JsonLimits } from "../json/limits.ts";
import type { JsonWriter } from "../json/write-json.ts";
import { jsonWriter, messageReader } from "../json/write-json.ts";
import type { HttpBinding } from "./http-rule.ts";
import { isHttpBodyIn } from "./http-rule.ts";

/** The body of a successful answer. */
export interface ReplyBody {
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

/** Turns a serialized output message into the answer's body. @throws HttpError `MALFORMED_REPLY`, `REPLY_TOO_LARGE` */
export type ReplyEncoder = (payload: Uint8Array) => ReplyBody;

const JSON_TYPE = "application/json";

/** The content type of bytes if the reply does not name one. */
export const BYTES_TYPE = "application/octet-stream";

/**
 * The encoder of a binding: of a message or its response field as JSON, of a `google.api.HttpBody` as its bytes.
 *
 * @param types resolves the `Any`s in a reply.
 */
export function replyEncoder(binding: HttpBinding, types: Registry, limits: JsonLimits): ReplyEncoder {
  if (answersWithBytes(binding)) return bytesReply(binding, types, limits);
  const json = replyText(binding, types, limits);
  // Many commands answer with an empty message, which is always the same text.
  let empty: ReplyBody | undefined;
  return (payload) => {
    if (payload.length > 0) return { contentType: JSON_TYPE, body: json(payload) };
    return (empty ??= { contentType: JSON_TYPE, body: json(payload) });
  };
}

/** True if what a binding answers is a `google.api.HttpBody`. */
export function answersWithBytes({ method, responseField }: HttpBinding): boolean {
  return isHttpBodyIn(method.output, responseField);
}

/** The JSON texts of a binding's output message, or of its response field. */
export function replyText(
  { method, responseField }: HttpBinding,
  types: Registry,
  limits: JsonLimits,
): JsonWriter {
  return jsonWriter(method.output, responseField, types, limits);
}

function bytesReply(
  { method, responseField }: HttpBinding,
  types: Registry,
  limits: JsonLimits,
): ReplyEncoder {
  const { output } = method;
  // Its bytes are not written as JSON.
  const read = messageReader(output, types, { ...limits, maxJsonReplyBytes: Number.POSITIVE_INFINITY });
  return (payload) => {
    const reply = read(payload);
    const message = responseField === undefined ? reply : fieldMessage(reply, responseField);
    const { contentType, data } = message as unknown as { contentType: string; data: Uint8Array };
    return { contentType: headerValue(contentType) ?? BYTES_TYPE, body: data };
  };
}

function fieldMessage(message: Message, field: DescField): Message {
  if (field.fieldKind !== "message") throw new TypeError(`${field.name} is no message`);
  const value = (message as unknown as Readonly<Record<string, Message | undefined>>)[field.localName];
  return value ?? create(field.message);
}

/** A text as the value of a header, trimmed; undefined if it is empty or has more than printable ASCII. */
export function headerValue(text: string): string | undefined {
  return /^[\x20-\x7e]*$/.test(text) ? text.trim() || undefined : undefined;
}
