// SPDX-License-Identifier: Apache-2.0

import type {
  DescField,
  DescMessage,
  JsonObject,
  Message,
  MessageInitShape,
  Registry,
} from "@bufbuild/protobuf";
import { create, mergeFromJson, toBinary } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";

import { errorText } from "../json/error-text.ts";
import type { JsonLimits } from "../json/limits.ts";
import { missingField } from "../json/protobuf-error.ts";
import { jsonReader } from "../json/read-json.ts";
import { countJsonValues } from "../json/scan.ts";
import { HttpError } from "./http-error.ts";
import type { HttpBinding } from "./http-rule.ts";
import { isHttpBody, isHttpBodyIn } from "./http-rule.ts";
import { parameterJson } from "./parameter.ts";
import { pathValues } from "./path-values.ts";
import { emptyObject, queryJson } from "./query.ts";
import { textMessageEncoder } from "./text-message.ts";

/** The parts of a request that become the input message. */
export interface MessageSource {
  /** The path's elements, still percent-encoded. */
  readonly segments: readonly string[];
  /** The text after the question mark; empty if there is none. */
  readonly query: string;
  /** Undefined if there is none; ignored by a binding that takes no body. */
  readonly body: Buffer | undefined;
  /** Of the body. */
  readonly contentType: string | undefined;
}

/** Makes the serialized input message of a request. @throws HttpError */
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
  const { body, method } = binding;
  const { input } = method;
  if (body.kind === "message") {
    const read = bodyReader(input, types, limits, maxAtOnce);
    return (source) => withPath(binding, read(source) ?? create(input), source);
  }
  if (body.kind === "field") {
    const { field } = body;
    const setBody = bodySetter(input, field, types, limits, maxAtOnce);
    return (source) => {
      const message = create(input);
      if (source.query !== "") setParameters(binding, message, queryBeside(field, input, source.query));
      setBody(message, source);
      return withPath(binding, message, source);
    };
  }
  const encodeTexts = pathTextEncoder(binding);
  return (source) => {
    const { query, segments } = source;
    if (query === "" && encodeTexts !== undefined) return encodeTexts(pathValues(binding, segments));
    return withPath(binding, create(input), source, query === "" ? undefined : queryJson(input, query));
  };
}

/** The message with the values of the path, and those of `json` that the path does not set, serialized. */
function withPath(
  binding: HttpBinding,
  message: Message,
  source: MessageSource,
  json?: JsonObject,
): Uint8Array {
  if (json !== undefined || binding.pathFields.length > 0)
    setParameters(binding, message, pathJson(binding, source, json ?? emptyObject()));
  return serialize(binding.method.input, message);
}

/** A direct encoder of messages of plain texts from the path alone. Undefined for any other message. */
function pathTextEncoder({ method, pathFields }: HttpBinding): ReturnType<typeof textMessageEncoder> {
  if (method.input.fields.some(({ presence }) => presence === FeatureSet_FieldPresence.LEGACY_REQUIRED))
    return undefined;
  if (pathFields.some(({ parents }) => parents.length > 0)) return undefined;
  return textMessageEncoder(pathFields.map(({ field }) => field));
}

/** Adds the path's values to the JSON of the query. */
function pathJson(binding: HttpBinding, source: MessageSource, json: JsonObject): JsonObject {
  pathValues(binding, source.segments).forEach((text, index) => {
    const variable = binding.pathFields[index];
    if (variable === undefined) return;
    const { name, parents, field } = variable;
    let object = json;
    // Where the query has set a part of such a message, there is an object already.
    for (const parent of parents) object = (object[parent.jsonName] ??= emptyObject()) as JsonObject;
    object[field.jsonName] = parameterJson(field, text, `path variable ${name}`);
  });
  return json;
}

/** The JSON of the query, which must not set the field that the body sets, nor a part of it. */
function queryBeside(bodyField: DescField, input: DescMessage, query: string): JsonObject {
  const json = queryJson(input, query);
  if (json[bodyField.jsonName] === undefined) return json;
  const text = `field ${bodyField.name} is the body of the request; the query cannot set it, nor a part of it`;
  throw new HttpError("UNKNOWN_QUERY_PARAMETER", text);
}

/** @throws HttpError `REQUIRED_FIELD_MISSING` */
function serialize(schema: DescMessage, message: Message): Uint8Array {
  try {
    return toBinary(schema, message);
  } catch (error) {
    throw missingField(error) ?? error;
  }
}

function setParameters(binding: HttpBinding, message: Message, json: JsonObject): void {
  try {
    mergeFromJson(binding.method.input, message, json);
  } catch (error) {
    throw new HttpError("WRONG_PARAMETER_TYPE", errorText(error), { cause: error });
  }
}

/** What a binding takes as a body: nothing, JSON, or whatever bytes there are. */
export type BodyForm = "none" | "json" | "bytes";

export function bodyForm({ method, body }: HttpBinding): BodyForm {
  if (body.kind === "none") return "none";
  return isHttpBodyIn(method.input, body.kind === "field" ? body.field : undefined) ? "bytes" : "json";
}

/** Makes the message that a body is; undefined if there is no body. */
function bodyReader(
  schema: DescMessage,
  types: Registry,
  limits: JsonLimits,
  maxAtOnce: number,
): (source: MessageSource) => Message | undefined {
  if (isHttpBody(schema))
    return ({ body, contentType }) => bytesMessage(schema, contentType ?? "", body ?? NO_BYTES);
  const read = jsonReader(schema, types, limits, maxAtOnce);
  return ({ body }) => (body === undefined || body.length === 0 ? undefined : read(body));
}

/** Puts the body into a field of the input message; without a body the field is not set. */
function bodySetter(
  input: DescMessage,
  field: DescField,
  types: Registry,
  limits: JsonLimits,
  maxAtOnce: number,
): (message: Message, source: MessageSource) => void {
  if (field.fieldKind === "message") {
    const { message } = field;
    const read = bodyReader(message, types, limits, maxAtOnce);
    return (target, source) => {
      const value = read(source);
      if (value !== undefined) reflect(input, target).set(field, reflect(message, value));
    };
  }
  const read = jsonReader(input, types, limits, maxAtOnce);
  return (target, { body }) => {
    if (body === undefined || body.length === 0) return;
    checkIsJson(body, limits);
    const holder = reflect(input, read(onlyMember(field.jsonName, body)));
    if (holder.isSet(field)) reflect(input, target).set(field, holder.get(field));
  };
}

/** A JSON text as the only member of an object. The text must have been checked: others could add members. */
function onlyMember(name: string, text: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`{${JSON.stringify(name)}:`), text, END_OF_OBJECT]);
}

const END_OF_OBJECT = Buffer.from("}");

/** @throws HttpError `MALFORMED_JSON`, `JSON_TOO_DEEP`, `JSON_TOO_MANY_VALUES` */
function checkIsJson(text: Buffer, { maxJsonValues }: JsonLimits): void {
  countJsonValues(text, maxJsonValues);
  try {
    JSON.parse(text.toString("utf8"));
  } catch (error) {
    throw new HttpError("MALFORMED_JSON", errorText(error), { cause: error });
  }
}

function bytesMessage(schema: DescMessage, contentType: string, data: Uint8Array): Message {
  const message: unknown = { contentType, data };
  return create(schema, message as MessageInitShape<DescMessage>);
}

const NO_BYTES = new Uint8Array(0);
