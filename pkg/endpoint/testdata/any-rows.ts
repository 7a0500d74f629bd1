// SPDX-License-Identifier: Apache-2.0

import type { DescMessage } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";

import type { Init, Refused, Taken } from "./value-places.ts";
import { bytesOf, every, spec } from "./value-places.ts";

const USUAL = "type.googleapis.com";

/** An `Any` with the URL that stands in the JSON. */
function any(url: string, value: Uint8Array): unknown {
  return { typeUrl: url, value };
}

function bytesOfType(name: string, init: Init): Uint8Array {
  const desc = spec.descriptors.registry.getMessage(`google.protobuf.${name}`) as DescMessage;
  return toBinary(desc, create(desc, init));
}

const one = bytesOfType("Int64Value", { value: 1n });

export function takenAnys(): Taken[] {
  const urls = ["", "x/", "https://example.com/a/b/", "//", `${USUAL}/`];
  return [
    ...urls.flatMap((prefix) => {
      const type = `${prefix}${every.typeName}`;
      const number = `${prefix}google.protobuf.Int64Value`;
      const message = any(type, bytesOf({ stringOne: "a" }));
      const json = `{"stringOne":"a","@type":"${type}"}`;
      return [
        { json: `"anyOne":${json}`, message: { anyOne: message }, written: `"@type":"${type}"` },
        {
          json: `"anyList":[{"@type":"${USUAL}/google.protobuf.Int64Value","value":"1"},${json}]`,
          message: { anyList: [any(`${USUAL}/google.protobuf.Int64Value`, one), message] },
          written: `"@type":"${type}"`,
        },
        {
          json: `"any_map":{"__proto__":${json}}`,
          message: { anyMap: mapOf("__proto__", message) },
          written: `"@type":"${type}"`,
        },
        {
          json: `"anyChosen":${json}`,
          message: { choice: { case: "anyChosen", value: message } },
          written: `"@type":"${type}"`,
        },
        {
          json: `"innerMap":{"k":{"inner_list":[{},{"anyOne":${json}}]}}`,
          message: { innerMap: { k: { innerList: [{}, { anyOne: message }] } } },
          written: `"@type":"${type}"`,
        },
        {
          json: `"anyOne":{"@type":"${USUAL}/${every.typeName}","anyOne":{"@type":"${number}","value":"1"}}`,
          message: { anyOne: any(`${USUAL}/${every.typeName}`, bytesOf({ anyOne: any(number, one) })) },
          written: `"@type":"${number}"`,
        },
        {
          json: `"anyOne":{"@type":"y/google.protobuf.Any","value":{"@type":"${number}","value":"1"}}`,
          message: {
            anyOne: any("y/google.protobuf.Any", bytesOfType("Any", { typeUrl: number, value: one })),
          },
          written: `"@type":"${number}"`,
        },
      ];
    }),
    { json: '"anyOne":{}', message: { anyOne: any("", new Uint8Array(0)) }, written: '"anyOne":{}' },
    {
      json: `"anyOne":{"@type":"${USUAL}/google.protobuf.Value","value":null}`,
      message: {
        anyOne: any(
          `${USUAL}/google.protobuf.Value`,
          bytesOfType("Value", { kind: { case: "nullValue", value: 0 } }),
        ),
      },
      written: '"value":null',
    },
    ...["", ',"value":{}'].map((value) => ({
      json: `"anyOne":{"@type":"${USUAL}/google.protobuf.Empty"${value}}`,
      message: { anyOne: any(`${USUAL}/google.protobuf.Empty`, new Uint8Array(0)) },
      written: `"@type":"${USUAL}/google.protobuf.Empty"`,
    })),
  ];
}

function mapOf(key: string, value: unknown): Record<string, unknown> {
  return Object.defineProperty({}, key, { value, enumerable: true, writable: true, configurable: true });
}

/** Types that JSON does not write as an object of their fields, each with a value. */
const SPECIAL: readonly (readonly [type: string, value: string])[] = [
  ["Struct", "{}"],
  ["Value", "1"],
  ["ListValue", "[]"],
  ["Timestamp", '"2024-01-01T00:00:00Z"'],
  ["Duration", '"1s"'],
  ["FieldMask", '"a"'],
  ["Any", "{}"],
  ["Int64Value", '"1"'],
  ["FloatValue", "1"],
  ["StringValue", '"a"'],
  ["BytesValue", '"AQI="'],
  ["BoolValue", "true"],
];

export function refusedAnys(): Refused[] {
  return [
    ...SPECIAL.flatMap(([type, value]): Refused[] => {
      const url = `"@type":"x/google.protobuf.${type}"`;
      return [
        { json: `"anyOne":{${url}}` },
        { json: `"anyOne":{${url},"more":1}` },
        { json: `"anyOne":{${url},"value":${value},"more":1}`, code: "UNKNOWN_JSON_FIELD" },
        {
          json: `"anyList":[{"@type":"${every.typeName}","anyOne":{${url},"more":1,"value":${value}}}]`,
          code: "UNKNOWN_JSON_FIELD",
        },
        ...(type === "Value" ? [] : [{ json: `"anyOne":{${url},"value":null}` }]),
      ];
    }),
    { json: `"anyOne":{"@type":"x/google.protobuf.Empty","value":{"a":1}}`, code: "UNKNOWN_JSON_FIELD" },
    { json: `"anyOne":{"@type":"x/google.protobuf.Empty","value":null}`, code: "UNKNOWN_JSON_FIELD" },
    { json: `"anyOne":{"@type":"x/perdure.test.values.Nothing"}` },
    { json: `"anyOne":{"@type":"x/"}` },
    { json: `"anyOne":{"@type":""}` },
    { json: `"anyOne":{"@type":1}` },
    { json: `"anyOne":{"value":1}` },
  ];
}
