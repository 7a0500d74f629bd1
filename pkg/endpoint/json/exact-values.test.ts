// SPDX-License-Identifier: Apache-2.0

/** Cases that do not fit into the table of `values.test.ts`: extensions, closed enums, types that need nothing. */

import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { create, createFileRegistry, toBinary } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  file_google_protobuf_any,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import test from "ava";
import * as fc from "fast-check";

import { HttpError } from "../http/http-error.ts";
import { heapSpec } from "../testdata/library-spec.ts";
import { exactValues } from "./exact-values.ts";
import { quoteNumbers } from "./quote-numbers.ts";
import { jsonReader } from "./read-json.ts";
import { jsonWriter } from "./write-json.ts";

const LIMITS = { maxJsonValues: 100_000, maxJsonReplyBytes: 1_000_000, jsonTimeoutMs: 1 };

const file = create(FileDescriptorProtoSchema, {
  name: "old.proto",
  package: "old",
  syntax: "proto2",
  dependency: ["google/protobuf/any.proto"],
  messageType: [
    {
      name: "Note",
      extensionRange: [{ start: 100, end: 200 }],
      field: [{ name: "text", number: 1, type: Type.STRING, label: Label.OPTIONAL, jsonName: "text" }],
    },
  ],
  extension: [
    {
      name: "long",
      number: 100,
      type: Type.INT64,
      label: Label.OPTIONAL,
      extendee: ".old.Note",
      jsonName: "long",
    },
    {
      name: "ratios",
      number: 101,
      type: Type.FLOAT,
      label: Label.REPEATED,
      extendee: ".old.Note",
      jsonName: "ratios",
    },
    {
      name: "inner",
      number: 102,
      type: Type.MESSAGE,
      typeName: ".old.Note",
      label: Label.OPTIONAL,
      extendee: ".old.Note",
      jsonName: "inner",
    },
    {
      name: "any",
      number: 103,
      type: Type.MESSAGE,
      typeName: ".google.protobuf.Any",
      label: Label.OPTIONAL,
      extendee: ".old.Note",
      jsonName: "any",
    },
    {
      name: "notes",
      number: 104,
      type: Type.MESSAGE,
      typeName: ".old.Note",
      label: Label.REPEATED,
      extendee: ".old.Note",
      jsonName: "notes",
    },
  ],
});
const registry = createFileRegistry(file, (name) =>
  name === "google/protobuf/any.proto" ? file_google_protobuf_any.proto : undefined,
);
const note = registry.getMessage("old.Note") as DescMessage;
const read = jsonReader(note, registry, LIMITS, 2_000);
const write = jsonWriter(note, undefined, registry, LIMITS);

test("extensions are exact in both directions", (t) => {
  const text =
    '{"text":"9007199254740993","[old.inner]":{"[old.long]":9007199254740993,"[old.ratios]":[0.1,-0]}}';
  const written = write(toBinary(note, read(Buffer.from(text))));
  t.is(written, text.replace(":9007199254740993", ':"9007199254740993"'));
});

test("an Any in an extension keeps its URL", (t) => {
  const any = '{"text":"b","[old.long]":"1","@type":"x/old.Note"}';
  const text = `{"text":"a","[old.any]":${any},"[old.notes]":[{"text":"c"},{"[old.any]":${any}}]}`;
  t.deepEqual(JSON.parse(write(toBinary(note, read(Buffer.from(text))))), JSON.parse(text));
});

for (const [text, code] of [
  ['{"[old.long]":9223372036854775808}', "WRONG_FIELD_TYPE"],
  ['{"[old.inner]":{"[old.long]":" "}}', "WRONG_FIELD_TYPE"],
  ['{"[old.nothing]":1}', "UNKNOWN_JSON_FIELD"],
  ['{"[old.long]":1e400}', "WRONG_FIELD_TYPE"],
] as const) {
  test(`${text} is ${code}`, (t) => {
    t.is(t.throws(() => read(Buffer.from(text)), { instanceOf: HttpError })?.code, code);
  });
}

const heap = heapSpec().descriptors.registry;
const nothing = heap.getMessage("perdure.test.heap.Nothing") as DescMessage;

test("JSON of a type without values is given back as it is", (t) => {
  const json = { a: [1e300, "x"] };
  t.deepEqual(exactValues(nothing, JSON.stringify(json), json, false, heap), { json, hasOtherUrls: false });
});

const CODES = new Set(["WRONG_FIELD_TYPE", "UNKNOWN_JSON_FIELD"]);

test("what does not fit the message is left to protobuf-es", (t) => {
  const heapMessage = heap.getMessage("perdure.test.heap.Heap") as DescMessage;
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(...heapMessage.fields), (value, field) => {
      const json = { [field.name]: value as JsonValue };
      try {
        exactValues(heapMessage, JSON.stringify(json), json, true, heap);
      } catch (error) {
        t.true(error instanceof HttpError && CODES.has(error.code), String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});

test("of a JSON text the numbers become texts, and nothing else changes", (t) => {
  t.is(
    quoteNumbers('[-1.5e+3,"2",{"3\\\\":4,"\\"5":[6,true,null]}]'),
    '["-1.5e+3","2",{"3\\\\":"4","\\"5":["6",true,null]}]',
  );
  fc.assert(
    fc.property(fc.json(), (text) => {
      const quoted = JSON.parse(quoteNumbers(text)) as JsonValue;
      t.deepEqual(quoted, textsOf(JSON.parse(text) as JsonValue));
    }),
  );
});

/** Replaces each number with its text. */
function textsOf(json: JsonValue): JsonValue {
  if (typeof json === "number") return Object.is(json, -0) ? "-0" : String(json);
  if (Array.isArray(json)) return json.map(textsOf);
  if (typeof json !== "object" || json === null) return json;
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, textsOf(value)]));
}
