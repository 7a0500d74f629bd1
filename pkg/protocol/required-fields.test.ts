// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { FieldDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import {
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import test from "ava";
import * as fc from "fast-check";

import { MessageError } from "./message-error.ts";
import { requiredFieldFinder } from "./required-fields.ts";

type Field = MessageInitShape<typeof FieldDescriptorProtoSchema>;

const text = (name: string, number: number, label: Label, more: Field = {}): Field => ({
  name,
  number,
  label,
  type: Type.STRING,
  jsonName: name,
  ...more,
});
const inner = (name: string, number: number, typeName: string, label: Label, more: Field = {}): Field =>
  text(name, number, label, { type: Type.MESSAGE, typeName, ...more });
const { OPTIONAL, REPEATED, REQUIRED } = Label;

/** Messages with required fields at every place. */
const registry = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: "m.proto",
    package: "x",
    syntax: "proto2",
    messageType: [
      {
        name: "M",
        field: [
          text("key", 1, REQUIRED),
          inner("leaf", 2, ".x.Leaf", REQUIRED),
          inner("maybe", 3, ".x.Leaf", OPTIONAL),
          inner("list", 4, ".x.Leaf", REPEATED),
          inner("map", 5, ".x.M.MapEntry", REPEATED),
          inner("card", 6, ".x.Leaf", OPTIONAL, { oneofIndex: 0 }),
          text("cash", 7, OPTIONAL, { oneofIndex: 0 }),
          inner("self", 8, ".x.M", OPTIONAL),
          inner("group", 9, ".x.Leaf", OPTIONAL, { type: Type.GROUP }),
          inner("plain", 10, ".x.Plain", OPTIONAL),
          inner("other", 12, ".x.M", OPTIONAL),
        ],
        oneofDecl: [{ name: "payment" }],
        nestedType: [
          {
            name: "MapEntry",
            field: [text("key", 1, OPTIONAL), inner("value", 2, ".x.Leaf", OPTIONAL)],
            options: { mapEntry: true },
          },
        ],
      },
      {
        name: "Leaf",
        field: [text("a", 1, REQUIRED), text("b", 2, REQUIRED), inner("next", 3, ".x.Leaf", OPTIONAL)],
      },
      {
        name: "Many",
        field: Array.from({ length: 70 }, (_, index) => text(`f${index + 1}`, index + 1, REQUIRED)),
      },
      { name: "Plain", field: [text("a", 1, OPTIONAL), inner("self", 2, ".x.Plain", OPTIONAL)] },
    ],
  }),
  () => undefined,
);

function messageOf(name: string): DescMessage {
  const desc = registry.getMessage(`x.${name}`);
  if (desc === undefined) throw new Error(`no message ${name}`);
  return desc;
}

function finderOf(name: string): (message: Uint8Array, maxFields?: number) => string | undefined {
  const find = requiredFieldFinder(messageOf(name));
  if (find === undefined) throw new Error("nothing is required");
  return (message, maxFields = MAX_FIELDS) => find(message, maxFields);
}

const MAX_FIELDS = 1_000_000;

const M = messageOf("M");
const find = finderOf("M");

test("of a type in which nothing is required there is no finder", (t) => {
  t.is(requiredFieldFinder(messageOf("Plain")), undefined);
});

/** A message as it is written: any fields in any order, each as often as one likes. */
type Written = readonly { readonly field: number; readonly inside: Written | undefined }[];

const GROUP = 9;
const MAP = 5;

/** The fields of each message: the field's number, and the name of its message type, or undefined if it is a text. */
const FIELDS: Readonly<Record<string, Readonly<Record<number, string | undefined>>>> = {
  M: {
    1: undefined,
    2: "Leaf",
    3: "Leaf",
    4: "Leaf",
    5: "Entry",
    6: "Leaf",
    7: undefined,
    8: "M",
    9: "Leaf",
    10: "Plain",
    11: undefined,
    12: "M",
  },
  Leaf: { 1: undefined, 2: undefined, 3: "Leaf" },
  Entry: { 1: undefined, 2: "Leaf" },
  Plain: { 1: undefined, 2: "Plain" },
};

function written(name: string, depth: number): fc.Arbitrary<Written> {
  const fields = Object.entries(FIELDS[name] ?? {}).map(([number, message]) => {
    const field = fc.constant(Number(number));
    if (message === undefined || depth === 0) return fc.record({ field, inside: fc.constant(undefined) });
    return fc.record({ field, inside: written(message, depth - 1) });
  });
  // Mostly those that are required, so that some messages have all.
  const usual = fields.slice(0, 2);
  const one = fc.oneof(
    { weight: 3, arbitrary: fc.oneof(...usual) },
    { weight: 2, arbitrary: fc.oneof(...fields) },
  );
  return fc.array(one, { maxLength: 7 });
}

function write(message: Written, name = "M", into = new BinaryWriter()): BinaryWriter {
  for (const { field, inside = [] } of message) {
    const inner = FIELDS[name]?.[field];
    if (inner === undefined) into.tag(field, WireType.LengthDelimited).string("t");
    else if (name === "M" && field === GROUP)
      write(inside, inner, into.tag(field, WireType.StartGroup)).tag(field, WireType.EndGroup);
    else {
      write(inside, inner, into.tag(field, WireType.LengthDelimited).fork());
      if (inner === "Entry") writeOwnKey(into);
      into.join();
    }
  }
  return into;
}

let keys = 0;

/**
 * Gives the map entry a key of its own. If a key comes again, a parser drops the first entry and all that it lacks,
 * but the finder still reports it (3).
 */
function writeOwnKey(entry: BinaryWriter): void {
  entry.tag(1, WireType.LengthDelimited).string(String(keys++));
}

/** True if protobuf-es, which reads the whole message, misses a required field. */
function lacks(bytes: Uint8Array): boolean {
  const message = fromBinary(M, bytes);
  try {
    toBinary(M, message);
    return false;
  } catch (error) {
    if (!String(error).includes("required field not set")) throw error;
    return true;
  }
}

test("(1) it finds something exactly when a parser does", (t) => {
  const seen = { complete: 0, lacking: 0 };
  fc.assert(
    fc.property(written("M", 3), (message) => {
      const bytes = write(message).finish();
      const isLacking = lacks(bytes);
      seen[isLacking ? "lacking" : "complete"]++;
      t.is(find(bytes) !== undefined, isLacking, JSON.stringify(message));
    }),
    { numRuns: 3_000 },
  );
  t.true(seen.complete > 50 && seen.lacking > 50, JSON.stringify(seen));
});

const leaf = (...fields: readonly number[]): Written => fields.map((field) => ({ field, inside: undefined }));
const whole: Written = [
  { field: 1, inside: undefined },
  { field: 2, inside: leaf(1, 2) },
];

const cases: readonly (readonly [name: string, message: Written, missing: string | undefined])[] = [
  ["everything", whole, undefined],
  ["nothing", [], "x.M.key"],
  ["a message", [{ field: 1, inside: undefined }], "x.M.leaf"],
  ["a field of a message", [...whole, { field: 3, inside: leaf(1) }], "x.Leaf.b"],
  [
    "none, in two pieces",
    [...whole, { field: 3, inside: leaf(1) }, { field: 3, inside: leaf(2) }],
    undefined,
  ],
  [
    "a field of an element",
    [...whole, { field: 4, inside: leaf(1) }, { field: 4, inside: leaf(2) }],
    "x.Leaf.b",
  ],
  ["the value in a map", [...whole, { field: MAP, inside: leaf(1) }], "x.Leaf.a"],
  [
    "a field of the last of a oneof",
    [...whole, { field: 7, inside: undefined }, { field: 6, inside: [] }],
    "x.Leaf.a",
  ],
  [
    "a field of another of a oneof",
    [...whole, { field: 6, inside: [] }, { field: 7, inside: undefined }],
    undefined,
  ],
  ["a field of a group", [...whole, { field: GROUP, inside: leaf(1) }], "x.Leaf.b"],
];

for (const [name, message, missing] of cases) {
  test(`what is missing has a name: ${name}`, (t) => {
    const bytes = write(message).finish();
    t.is(find(bytes), missing);
    t.is(lacks(bytes), missing !== undefined);
  });
}

test("a message may have many required fields", (t) => {
  const findMany = finderOf("Many");
  for (let left = 0; left <= 70; left++) {
    const writer = new BinaryWriter();
    for (let number = 1; number <= 70; number++)
      if (number !== left) writer.tag(number, WireType.LengthDelimited).string("");
    t.is(findMany(writer.finish()), left === 0 ? undefined : `x.Many.f${left}`);
  }
});

test("(3) an entry of a map that lacks something is found although its key comes again", (t) => {
  const entry = (...fields: readonly number[]) =>
    new BinaryWriter()
      .tag(MAP, WireType.LengthDelimited)
      .fork()
      .tag(2, WireType.LengthDelimited)
      .bytes(write(leaf(...fields), "Leaf").finish())
      .join()
      .finish();
  const bytes = Buffer.concat([write(whole).finish(), entry(1), entry(1, 2)]);
  t.is(find(bytes), "x.Leaf.b");
  t.false(lacks(bytes));
});

test("(2) what is no message, is too deep, or would take too many notes, is an error", (t) => {
  t.throws(() => find(Uint8Array.of(0x0a, 0xff)));
  t.throws(() => find(Uint8Array.of(0x0c)));
  let deep: Written = [];
  for (let i = 0; i < 120; i++) deep = [{ field: 8, inside: deep }];
  t.throws(() => find(write(deep).finish()), { message: /100 messages inside each other/ });

  let tree: Written = whole;
  for (let i = 0; i < 14; i++) {
    tree = [...whole, { field: 8, inside: tree }, { field: 12, inside: tree }];
  }
  t.throws(() => find(write(tree).finish()), { message: /more than 10000 messages/ });

  // List elements do not add up, because the finder is done with each element at its end.
  const many = Array.from({ length: 20_000 }, () => ({ field: 4, inside: leaf(1, 2) }));
  t.is(find(write([...whole, ...many]).finish()), undefined);
});

test("fields beyond the bound are refused, those of messages inside included (I11)", (t) => {
  // A leaf with two texts in a list, a group with a text, and an unknown group with a number.
  const whole: readonly (readonly number[])[] = [
    [0x22, 6, 0x0a, 1, 0x61, 0x12, 1, 0x61],
    [0x4b, 0x0a, 0, 0x4c],
    [0x63, 0x08, 1, 0x64],
  ];
  for (const field of whole) {
    const bytes = Uint8Array.from(field);
    t.notThrows(() => find(bytes, 3));
    t.is(t.throws(() => find(bytes, 2), { instanceOf: MessageError }).code, "MESSAGE_TOO_MANY_FIELDS");
  }
});
