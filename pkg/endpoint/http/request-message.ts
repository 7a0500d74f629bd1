// SPDX-License-Identifier: Apache-2.0

import { create, mergeFromJson, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, JsonObject, Message, MessageInitShape, Registry } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";

import { errorText } from "../json/error-text.ts";
import type { JsonLimits } from "../json/limits.ts";
import { jsonReader } from "../json/read-json.ts";
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
 * @param maxAtOnce keys and values that a JSON body may have here, if that is less than the limit.
 */
export function requestEncoder(
  binding: HttpBinding,
  types: Registry,
  limits: JsonLimits,
  maxAtOnce = limits.maxJsonValues,
): RequestEncoder {
  const { input } = binding.method;
  if (binding.body.kind === "message") {
    const read = bodyReader(input, types, limits, maxAtOnce);
    return (source) => {
      const message = read(source);
      if (binding.pathFields.length > 0) setParameters(binding, message, pathJson(binding, source));
      return toBinary(input, message);
    };
  }
  if (binding.body.kind === "field") {
    const { field } = binding.body;
    const read = bodyReader(field.message, types, limits, maxAtOnce);
    return (source) => {
      const message = parameterMessage(binding, source);
      const value = read(source);
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

/** Makes the message that a binding's body is. */
function bodyReader(
  schema: DescMessage,
  types: Registry,
  limits: JsonLimits,
  maxAtOnce: number,
): (source: MessageSource) => Message {
  if (isHttpBody(schema))
    return ({ body, contentType }) => bytesMessage(schema, contentType ?? "", body ?? NO_BYTES);
  const read = jsonReader(schema, types, limits, maxAtOnce);
  return ({ body }) => {
    if (body === undefined || body.length === 0)
      throw new HttpError("MALFORMED_JSON", "the body is empty; the smallest message is {}");
    return read(body);
  };
}

function bytesMessage(schema: DescMessage, contentType: string, data: Uint8Array): Message {
  const message: unknown = { contentType, data };
  return create(schema, message as MessageInitShape<DescMessage>);
}

const NO_BYTES = new Uint8Array(0);
