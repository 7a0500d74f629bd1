// SPDX-License-Identifier: Apache-2.0

import type { DescMessage } from "@bufbuild/protobuf";
import { create, createFileRegistry, createRegistry, fromJson } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FileOptionsSchema,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  StringValueSchema,
} from "@bufbuild/protobuf/wkt";
import test from "ava";

import { sampleMessage } from "./sample-json.ts";

const KNOWN = [
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
].map((file) => file.proto);

type Field = Readonly<Record<string, unknown>>;

const scalar = (type: string, name = type): Field => ({ name: name.toLowerCase(), type: `TYPE_${type}` });
const message = (type: string, name: string, more: Field = {}): Field => ({
  name,
  type: "TYPE_MESSAGE",
  typeName: type,
  ...more,
});

/** A message with these fields, numbered in order, beside an enum `Size` and a `Node` that holds itself. */
function messageOf(fields: readonly Field[], more: Field = {}): DescMessage {
  const numbered = (list: readonly Field[]) =>
    list.map((field, index) => ({
      label: "LABEL_OPTIONAL",
      number: index + 1,
      jsonName: camel(String(field["name"])),
      ...field,
    }));
  const file = fromJson(FileDescriptorProtoSchema, {
    name: "test.proto",
    package: "test",
    syntax: "proto3",
    dependency: KNOWN.map(({ name }) => name),
    enumType: [
      {
        name: "Size",
        value: [
          { name: "UNKNOWN", number: 0 },
          { name: "SMALL", number: 1 },
        ],
      },
    ],
    messageType: [
      { name: "Request", field: numbered(fields), ...more },
      { name: "Node", field: numbered([scalar("STRING", "label"), message(".test.Node", "next")]) },
    ],
  });
  const set = create(FileDescriptorSetSchema, { file: [...KNOWN, file] });
  const found = createFileRegistry(set).getMessage("test.Request");
  if (found === undefined) throw new Error("no test.Request");
  return found;
}

const camel = (name: string): string => name.replace(/_(.)/g, (_match, next: string) => next.toUpperCase());

/** The sample, after protobuf-es has taken it as a message of its type. */
function accepted(desc: DescMessage): unknown {
  const sample = sampleMessage(desc);
  fromJson(desc, sample, { registry: createRegistry(StringValueSchema) });
  return sample;
}

test("every scalar type gets a value that protobuf JSON takes", (t) => {
  const types =
    "DOUBLE FLOAT INT64 UINT64 INT32 FIXED64 FIXED32 BOOL STRING BYTES UINT32 SFIXED32 SFIXED64 SINT32 SINT64".split(
      " ",
    );
  t.deepEqual(accepted(messageOf(types.map((type) => scalar(type)))), {
    double: 2.5,
    float: 2.5,
    int64: "2",
    uint64: "2",
    int32: 2,
    fixed64: "2",
    fixed32: 2,
    bool: true,
    string: "string",
    bytes: "AQID",
    uint32: 2,
    sfixed32: 2,
    sfixed64: "2",
    sint32: 2,
    sint64: "2",
  });
});

test("well-known messages are written as protobuf JSON writes them", (t) => {
  const names = [
    "Any BoolValue BytesValue DoubleValue Duration Empty FieldMask FloatValue Int32Value Int64Value ListValue",
    "StringValue Struct Timestamp UInt32Value UInt64Value Value",
  ].flatMap((line) => line.split(" "));
  const fields = names.map((name) => message(`.google.protobuf.${name}`, name.toLowerCase()));
  const sample = accepted(messageOf(fields)) as Record<string, unknown>;
  t.deepEqual(
    Object.keys(sample),
    names.map((name) => name.toLowerCase()),
  );
  t.is(sample["timestamp"], "2026-01-31T12:00:00Z");
});

test("enums, lists, maps and oneofs have one value each, of a oneof the first member", (t) => {
  const entry = {
    name: "PricesEntry",
    field: [
      { name: "key", number: 1, jsonName: "key", label: "LABEL_OPTIONAL", type: "TYPE_INT32" },
      { name: "value", number: 2, jsonName: "value", label: "LABEL_OPTIONAL", type: "TYPE_DOUBLE" },
    ],
    options: { mapEntry: true },
  };
  const desc = messageOf(
    [
      { name: "size", type: "TYPE_ENUM", typeName: ".test.Size" },
      { ...scalar("STRING", "tags"), label: "LABEL_REPEATED" },
      message(".test.Request.PricesEntry", "prices", { label: "LABEL_REPEATED" }),
      { ...scalar("BOOL", "by_name"), oneofIndex: 0 },
      { ...scalar("BOOL", "by_year"), oneofIndex: 0 },
      { ...scalar("STRING", "note"), oneofIndex: 1, proto3Optional: true },
    ],
    { nestedType: [entry], oneofDecl: [{ name: "order" }, { name: "_note" }] },
  );
  t.deepEqual(accepted(desc), {
    size: "SMALL",
    tags: ["tag"],
    prices: { "1": 2.5 },
    byName: true,
    note: "note",
  });
});

test("a message that holds itself is shown once", (t) => {
  const desc = messageOf([message(".test.Node", "tree"), message(".test.Request", "again")]);
  t.deepEqual(accepted(desc), { tree: { label: "label" } });
});

test("deep and large messages stay small", (t) => {
  for (const desc of [FileDescriptorProtoSchema, FileOptionsSchema]) {
    const sample = accepted(desc);
    t.true(JSON.stringify(sample).length < 10_000);
  }
});

test("texts follow the name of their field", (t) => {
  const names = [
    "user_id",
    "product_id",
    "id",
    "name",
    "user_name",
    "email",
    "image_url",
    "owner",
    "gift_note",
  ];
  t.deepEqual(accepted(messageOf(names.map((name) => scalar("STRING", name)))), {
    userId: "ann",
    productId: "p1",
    id: "i1",
    name: "Pen",
    userName: "Ann",
    email: "ann@example.com",
    imageUrl: "https://example.com/",
    owner: "ann",
    giftNote: "gift note",
  });
});
