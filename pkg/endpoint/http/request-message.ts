// SPDX-License-Identifier: Apache-2.0

import { isUtf8 } from "node:buffer";

import { create, fromJsonString, mergeFromJson, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, JsonObject, Message, MessageInitShape, Registry } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";

import { describeError } from "../../base/mod.ts";
import { HttpError } from "./http-error.ts";
import { isHttpBody } from "./http-rule.ts";
import type { HttpBinding } from "./http-rule.ts";
import { parameterJson } from "./parameter.ts";
import { pathValues } from "./path-values.ts";
import { queryJson } from "./query.ts";
import { textMessageEncoder } from "./text-message.ts";

/** What of a request becomes the input message. */
export interface MessageSource {
  /** The path's elements, still percent-encoded. */
  readonly segments: readonly string[];
  /** What stands behind the question mark; empty if nothing does. */
  readonly query: string;
  /** What came; passed over by a binding that takes no body. */
  readonly body: Buffer | undefined;
  /** Of the body. */
  readonly contentType: string | undefined;
}

/** Makes the serialized input message of a request. Throws HttpError. */
export type RequestEncoder = (source: MessageSource) => Uint8Array;

/**
 * The encoder of a binding. The path overrides the query and the body.
 *
 * @param types resolves the `Any`s in a body.
 */
export function requestEncoder(binding: HttpBinding, types: Registry): RequestEncoder {
  const { input } = binding.method;
  if (binding.body.kind === "message") {
    return (source) => {
      const message = bodyMessage(input, source, types);
      if (binding.pathFields.length > 0) setParameters(binding, message, pathJson(binding, source));
      return toBinary(input, message);
    };
  }
  if (binding.body.kind === "field") {
    const { field } = binding.body;
    return (source) => {
      const message = parameterMessage(binding, source);
      const value = bodyMessage(field.message, source, types);
      reflect(input, message).set(field, reflect(field.message, value));
      return toBinary(input, message);
    };
  }
  const encodeTexts = textMessageEncoder(binding.pathFields);
  return (source) =>
    source.query === "" && encodeTexts !== undefined
      ? encodeTexts(pathValues(binding, source.segments))
      : toBinary(input, parameterMessage(binding, source));
}

/** The input message as the path and the query alone have it. */
function parameterMessage(binding: HttpBinding, source: MessageSource): Message {
  const { input } = binding.method;
  const path = pathJson(binding, source);
  const message = create(input);
  setParameters(
    binding,
    message,
    source.query === "" ? path : Object.assign(queryJson(input, source.query), path),
  );
  return message;
}

function pathJson(binding: HttpBinding, source: MessageSource): JsonObject {
  // Without a prototype, so that a field may have any name.
  const json = Object.create(null) as JsonObject;
  pathValues(binding, source.segments).forEach((text, index) => {
    const field = binding.pathFields[index];
    if (field !== undefined) json[field.jsonName] = parameterJson(field, text, `path variable ${field.name}`);
  });
  return json;
}

function setParameters(binding: HttpBinding, message: Message, json: JsonObject): void {
  try {
    mergeFromJson(binding.method.input, message, json);
  } catch (error) {
    throw new HttpError("WRONG_PARAMETER_TYPE", errorText(error), { cause: error });
  }
}

/** The message that a binding's body is; undefined if it takes none. */
export function bodySchema({ method, body }: HttpBinding): DescMessage | undefined {
  if (body.kind === "none") return undefined;
  return body.kind === "message" ? method.input : body.field.message;
}

function bodyMessage(schema: DescMessage, { body, contentType }: MessageSource, types: Registry): Message {
  if (isHttpBody(schema)) {
    const message: unknown = { contentType: contentType ?? "", data: body ?? NO_BYTES };
    return create(schema, message as MessageInitShape<DescMessage>);
  }
  if (body === undefined || body.length === 0) {
    throw new HttpError("MALFORMED_JSON", "the body is empty; the smallest message is {}");
  }
  return readJson(schema, body, types);
}

/** The message of a JSON text. @throws HttpError `MALFORMED_JSON`, `UNKNOWN_JSON_FIELD` or `WRONG_FIELD_TYPE` */
export function readJson(schema: DescMessage, text: Buffer, types: Registry): Message {
  if (!isUtf8(text)) throw new HttpError("MALFORMED_JSON", "the body is not UTF-8");
  try {
    return fromJsonString(schema, text.toString("utf8"), { registry: types });
  } catch (error) {
    throw new HttpError(jsonErrorCode(error), errorText(error), { cause: error });
  }
}

/** protobuf-es tells its failures apart by their text alone; `transcoder.test.ts` holds it to these. */
function jsonErrorCode(error: unknown): "MALFORMED_JSON" | "UNKNOWN_JSON_FIELD" | "WRONG_FIELD_TYPE" {
  if (!(error instanceof Error)) return "WRONG_FIELD_TYPE";
  if (error.cause instanceof SyntaxError || / duplicate object key "/.test(error.message))
    return "MALFORMED_JSON";
  return / key ".*" is unknown$/s.test(error.message) ? "UNKNOWN_JSON_FIELD" : "WRONG_FIELD_TYPE";
}

const NO_BYTES = new Uint8Array(0);

const MAX_TEXT = 500;

/** The library quotes what it was given, which may be megabytes. */
function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message : describeError(error);
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
