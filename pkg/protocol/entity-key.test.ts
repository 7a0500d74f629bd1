// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { create, createFileRegistry, getExtension, setExtension, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { FieldDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import {
  FieldOptionsSchema,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import test from "ava";
import fc from "fast-check";

import type { EntityKeyReader, KeyLimits } from "./entity-key.ts";
import { entityKeyReader } from "./entity-key.ts";
import { entity_key } from "./gen/cloudstate/entity_key_pb.ts";
import { legacy_entity_key } from "./gen/cloudstate/legacy_entity_key_pb.ts";
import { MessageError } from "./message-error.ts";

const LIMITS: KeyLimits = { maxFields: 100_000, maxLength: 1_000 };

type Field = MessageInitShape<typeof FieldDescriptorProtoSchema>;

/** A key field; `option` is the mark that makes it one. */
function key(name: string, number: number, type: Type, option = entity_key): Field {
  const options = create(FieldOptionsSchema);
  setExtension(options, option, true);
  return { name, number, type, label: Label.OPTIONAL, jsonName: name, options };
}

function plain(name: string, number: number, type: Type): Field {
  return { name, number, type, label: Label.OPTIONAL, jsonName: name };
}

/** The message `x.M` with these fields. */
function messageOf(...field: readonly Field[]): DescMessage {
  const file = create(FileDescriptorProtoSchema, {
    name: "m.proto",
    package: "x",
    syntax: "proto3",
    enumType: [
      {
        name: "E",
        value: [
          { name: "ZERO", number: 0 },
          { name: "TWO", number: 2 },
        ],
      },
    ],
    messageType: [{ name: "M", field: [...field] }, { name: "N" }],
  });
  return createFileRegistry(file, () => undefined).getMessage("x.M") as DescMessage;
}

function read(message: DescMessage, bytes: Uint8Array | readonly number[]): string | undefined {
  const key = readerOf(message).read(Uint8Array.from(bytes), LIMITS);
  if (key.kind === "too-long") throw new Error("too long");
  return key.kind === "id" ? key.id : undefined;
}

function readerOf(message: DescMessage): EntityKeyReader {
  const reader = entityKeyReader(message);
  if (reader === undefined) throw new Error("no reader");
  return reader;
}

/** Undefined if there is no key. */
function mayMeetOthers(message: DescMessage, bytes: Uint8Array): boolean | undefined {
  const key = readerOf(message).read(bytes, LIMITS);
  return key.kind === "id" ? key.mayMeetOthers : undefined;
}

function encode(message: DescMessage, value: Record<string, unknown>): Uint8Array {
  return toBinary(message, create(message, value));
}

/** Each scalar type: a value, its text, and what an absent field stands for. */
const SCALARS: readonly (readonly [type: Type, value: unknown, text: string, absent: string | undefined])[] =
  [
    [Type.STRING, "ann-ß-✓", "ann-ß-✓", undefined],
    [Type.BYTES, Uint8Array.of(0, 255, 16), "AP8Q", undefined],
    [Type.BOOL, true, "true", "false"],
    [Type.INT32, -7, "-7", "0"],
    [Type.SINT32, -7, "-7", "0"],
    [Type.SFIXED32, -7, "-7", "0"],
    [Type.UINT32, 4_294_967_295, "4294967295", "0"],
    [Type.FIXED32, 4_294_967_295, "4294967295", "0"],
    [Type.INT64, -9_223_372_036_854_775_808n, "-9223372036854775808", "0"],
    [Type.SINT64, -9_223_372_036_854_775_808n, "-9223372036854775808", "0"],
    [Type.SFIXED64, -9_223_372_036_854_775_808n, "-9223372036854775808", "0"],
    [Type.UINT64, 18_446_744_073_709_551_615n, "18446744073709551615", "0"],
    [Type.FIXED64, 18_446_744_073_709_551_615n, "18446744073709551615", "0"],
    [Type.FLOAT, 0.5, "0.5", "0"],
    [Type.DOUBLE, 1.25e-7, "1.25e-7", "0"],
  ];

for (const [type, value, text, absent] of SCALARS) {
  test(`a key of type ${Type[type]} is read as text, alone and beside another`, (t) => {
    const alone = messageOf(
      plain("before", 1, Type.STRING),
      key("id", 16, type),
      plain("after", 17, Type.DOUBLE),
    );
    t.is(read(alone, encode(alone, { before: "x", id: value, after: 2 })), text);
    t.is(read(alone, encode(alone, { before: "x", after: 2 })), absent);

    const pair = messageOf(key("id", 1, type), key("part", 2, Type.STRING));
    t.is(read(pair, encode(pair, { id: value, part: "p" })), `${text}-p`);
    t.is(read(pair, encode(pair, { part: "p" })), absent === undefined ? undefined : `${absent}-p`);
  });
}

test("an enum key is its number", (t) => {
  const message = messageOf({ ...key("id", 1, Type.ENUM), typeName: ".x.E" });
  t.is(read(message, [8, 2]), "2");
  t.is(read(message, []), "0");
});

test("several key fields are joined in the order of their declaration, whatever their order on the wire", (t) => {
  const message = messageOf(key("b", 2, Type.STRING), plain("x", 3, Type.STRING), key("a", 1, Type.INT32));
  const expected = "north-7";
  t.is(read(message, encode(message, { a: 7, b: "north", x: "y" })), expected);
  t.is(read(message, [8, 7, 18, 5, ...Buffer.from("north")]), expected);
  t.is(read(message, [18, 5, ...Buffer.from("north"), 8, 7]), expected);
  t.is(read(message, [8, 7]), undefined, "a text in the key is absent");
  t.is(read(message, [8, 7, 18, 0]), undefined, "a text in the key is empty");
});

test("the mark of protocol 0.1 still counts", (t) => {
  const message = messageOf(key("id", 1, Type.STRING, legacy_entity_key));
  t.is(read(message, encode(message, { id: "ann" })), "ann");
});

test("a mark that is set to false is none", (t) => {
  const field = key("id", 1, Type.STRING);
  const options = create(FieldOptionsSchema);
  setExtension(options, entity_key, false);
  t.false(getExtension(options, entity_key));
  t.is(entityKeyReader(messageOf({ ...field, options })), undefined);
});

test("there is no reader without a key field, or with one that has no text", (t) => {
  t.is(entityKeyReader(messageOf(plain("id", 1, Type.STRING))), undefined);
  t.is(entityKeyReader(messageOf()), undefined);
  const list = { ...key("id", 1, Type.STRING), label: Label.REPEATED };
  t.is(entityKeyReader(messageOf(list)), undefined);
  const message = { ...key("id", 1, Type.MESSAGE), typeName: ".x.N" };
  t.is(entityKeyReader(messageOf(message)), undefined);
  t.is(
    entityKeyReader(messageOf(key("a", 2, Type.STRING), message)),
    undefined,
    "not even beside a good one",
  );
});

test("a text key that is absent or empty is no key", (t) => {
  const message = messageOf(key("id", 1, Type.STRING));
  t.is(read(message, []), undefined);
  t.is(read(message, [10, 0]), undefined);
});

test("the last of several values counts", (t) => {
  const message = messageOf(key("id", 1, Type.STRING));
  t.is(read(message, [10, 1, 97, 10, 1, 98]), "b");
  t.is(read(message, [10, 1, 97, 10, 0]), undefined);
  const pair = messageOf(key("a", 1, Type.STRING), key("b", 2, Type.UINT32));
  t.is(read(pair, [16, 1, 10, 1, 97, 16, 2, 10, 1, 98]), "b-2");
});

test("unknown fields of every wire type are stepped over", (t) => {
  const message = messageOf(key("id", 1, Type.STRING));
  const varint = [0x10, 0x96, 0x01];
  const fixed64 = [0x19, 1, 2, 3, 4, 5, 6, 7, 8];
  const delimited = [0x22, 2, 10, 99];
  const group = [0x2b, 0x0a, 1, 99, 0x2c];
  const fixed32 = [0x35, 1, 2, 3, 4];
  const unknown = [varint, fixed64, delimited, group, fixed32].flat();
  t.is(read(message, [...unknown, 10, 1, 97, ...unknown]), "a");
  t.is(
    read(message, [0x08, 7, 10, 1, 97]),
    "a",
    "the key's number with another wire type is unknown as well",
  );
});

test("bytes that are not a message throw, and never give a key (I12)", (t) => {
  const single = messageOf(key("id", 1, Type.STRING));
  const pair = messageOf(key("a", 1, Type.STRING), key("b", 2, Type.FIXED64));
  const broken: readonly (readonly number[])[] = [
    [10],
    [10, 5, 97],
    [0],
    [12],
    [11],
    [0x80],
    [0x0f],
    [10, 1, 97, 0x19, 1],
    [10, 2, 0xff, 0xfe],
    Array.from({ length: 1000 }, () => 11),
  ];
  for (const bytes of broken) {
    t.throws(() => read(single, bytes), { any: true }, String(bytes.slice(0, 10)));
    t.throws(() => read(pair, bytes), { any: true }, String(bytes.slice(0, 10)));
  }
});

test("two texts that are not UTF-8 never name one entity", (t) => {
  const message = messageOf(key("id", 1, Type.STRING));
  t.throws(() => read(message, [10, 1, 0xff]));
  t.is(read(message, [10, 4, 0xef, 0xbb, 0xbf, 97]), "\ufeffa", "a byte order mark is part of the key");
});

test("any bytes give a key, none or an error, and end (I12)", (t) => {
  const message = messageOf(key("id", 1, Type.STRING), key("n", 2, Type.INT64));
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          const text = read(message, bytes);
          return text === undefined || text.length > 0;
        } catch (error) {
          return error instanceof Error;
        }
      }),
      { numRuns: 500 },
    ),
  );
});

test("with a - in a text of several key fields, two keys may name one entity, as with Cloudstate, and the reader says so", (t) => {
  const pair = messageOf(key("a", 1, Type.STRING), key("b", 2, Type.STRING));
  const one = encode(pair, { a: "a-b", b: "c" });
  const other = encode(pair, { a: "a", b: "b-c" });
  t.is(read(pair, one), "a-b-c");
  t.is(read(pair, other), "a-b-c");
  t.true(mayMeetOthers(pair, one));
  t.true(mayMeetOthers(pair, other));
  t.false(mayMeetOthers(pair, encode(pair, { a: "a", b: "c" })));
  const single = messageOf(key("a", 1, Type.STRING), plain("b", 2, Type.STRING));
  t.false(mayMeetOthers(single, encode(single, { a: "a-b", b: "c-d" })));
});

test("keys of which the reader says nothing always have ids of their own, whatever the types of their fields", (t) => {
  // Few characters, so that keys would meet often: those of numbers, of their signs and of exponents among them.
  const text = fc.string({
    unit: fc.constantFrom("a", "-", "0", "1", "7", "e", "."),
    minLength: 1,
    maxLength: 4,
  });
  const whole = fc.integer({ min: -12, max: 12 });
  const real = fc.constantFrom(0.5, -0.5, 1e-7, -1e-7, 1e21, 7, -1, Number.NaN, Number.NEGATIVE_INFINITY);
  const values = new Map<Type, fc.Arbitrary<unknown>>([
    [Type.STRING, text],
    [Type.INT32, whole],
    [Type.DOUBLE, real],
    [Type.BOOL, fc.boolean()],
    [Type.BYTES, fc.uint8Array({ minLength: 1, maxLength: 2 })],
  ]);
  const types = fc.array(fc.constantFrom(...values.keys()), { minLength: 2, maxLength: 3 });
  const keys = types.chain((chosen) => {
    const one = fc.tuple(...chosen.map((type) => values.get(type) as fc.Arbitrary<unknown>));
    return fc.record({ chosen: fc.constant(chosen), keys: fc.array(one, { minLength: 2, maxLength: 40 }) });
  });
  t.notThrows(() =>
    fc.assert(
      fc.property(keys, ({ chosen, keys: all }) => {
        const message = messageOf(...chosen.map((type, index) => key(`f${index}`, index + 1, type)));
        const reader = readerOf(message);
        const found = new Map<string, string>();
        for (const values of all) {
          const bytes = encode(
            message,
            Object.fromEntries(values.map((value, index) => [`f${index}`, value])),
          );
          const read = reader.read(bytes, LIMITS);
          if (read.kind !== "id" || read.mayMeetOthers) continue;
          const { id } = read;
          // Equal texts are equal keys: `-0` is `0`, and all NaNs are one.
          const texts = JSON.stringify(
            values.map((value) => (value instanceof Uint8Array ? [...value] : String(value))),
          );
          if ((found.get(id) ?? texts) !== texts) return false;
          found.set(id, texts);
        }
        return true;
      }),
      { numRuns: 300 },
    ),
  );
});

test("other fields are stepped over without an object for each, because there may be millions (I11)", (t) => {
  const reader = readerOf(messageOf(key("id", 1, Type.STRING)));
  const bytes: Uint8Array = Uint8Array.from(Buffer.from(`0a0161${"7801".repeat(10_000)}`, "hex"));
  let views = 0;
  bytes.subarray = (...range) => {
    views++;
    return Uint8Array.prototype.subarray.apply(bytes, range);
  };
  t.like(reader.read(bytes, LIMITS), { id: "a" });
  t.true(views <= 1, `${views} views`);
});

test("of a field that comes again only the last value is decoded", (t) => {
  const message = messageOf(key("id", 1, Type.STRING));
  t.is(read(message, [0x0a, 1, 0x61, 0x0a, 1, 0x62, 0x78, 1]), "b");
  t.throws(() => read(message, [0x0a, 1, 0x61, 0x0a, 1, 0xff]));
});

test("fields beyond the bound are refused, those in groups and the ends of groups included (I11)", (t) => {
  const id = [0x0a, 1, 0x61];
  const three: readonly (readonly number[])[] = [
    [...id, 0x78, 1, 0x7a, 0],
    [0x0a, 0, 0x0a, 0, ...id],
    [0x2b, 0x2c, ...id],
    [...id, 0x2b, 0x2c],
  ];
  const pair = messageOf(key("id", 1, Type.STRING), key("n", 2, Type.INT32));
  for (const message of [messageOf(key("id", 1, Type.STRING)), pair]) {
    const reader = readerOf(message);
    for (const bytes of three) {
      t.like(reader.read(Uint8Array.from(bytes), { ...LIMITS, maxFields: 3 }), { kind: "id" });
      const error = t.throws(() => reader.read(Uint8Array.from(bytes), { ...LIMITS, maxFields: 2 }), {
        instanceOf: MessageError,
      });
      t.is(error.code, "MESSAGE_TOO_MANY_FIELDS");
    }
  }
});

test("what is in a message inside is stepped over, and is one field", (t) => {
  const reader = readerOf(messageOf(key("id", 1, Type.STRING)));
  const bytes = [0x0a, 1, 0x61, 0x7a, 100, ...Array.from({ length: 50 }, () => [0x08, 1]).flat()];
  t.like(reader.read(Uint8Array.from(bytes), { ...LIMITS, maxFields: 2 }), { id: "a" });
});

test("the bound of an id is exact, in UTF-16 code units and with what joins the texts", (t) => {
  const limits = { ...LIMITS, maxLength: 4 };
  const single = messageOf(key("id", 1, Type.STRING));
  for (const id of ["abcd", "ßßßß", "✓✓✓✓", "\u{1f600}\u{1f600}"]) {
    t.like(readerOf(single).read(encode(single, { id }), limits), { id });
    t.like(readerOf(single).read(encode(single, { id: `${id}x` }), limits), { kind: "too-long" });
  }
  const bytes = messageOf(key("id", 1, Type.BYTES));
  t.like(readerOf(bytes).read(encode(bytes, { id: new Uint8Array(3) }), limits), { id: "AAAA" });
  t.like(readerOf(bytes).read(encode(bytes, { id: new Uint8Array(4) }), limits), { kind: "too-long" });
  const pair = messageOf(key("a", 1, Type.STRING), key("n", 2, Type.INT32));
  t.like(readerOf(pair).read(encode(pair, { a: "ab", n: 7 }), limits), { id: "ab-7" });
  t.like(readerOf(pair).read(encode(pair, { a: "abc", n: 7 }), limits), { kind: "too-long" });
});

test("a key that is certainly too long is not decoded, alone or among others (I11)", (t) => {
  // It would throw, because it is not UTF-8.
  const long = Buffer.alloc(10_000, 0xff);
  const field = (number: number, value: Uint8Array): Buffer =>
    Buffer.from(new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(value).finish());
  const single = messageOf(key("id", 1, Type.STRING));
  t.deepEqual(readerOf(single).read(field(1, long), LIMITS), { kind: "too-long" });
  const pair = messageOf(key("a", 1, Type.STRING), key("b", 2, Type.STRING));
  const half = Buffer.alloc(1_502, 0xff);
  t.deepEqual(readerOf(pair).read(Buffer.concat([field(1, half), field(2, half)]), LIMITS), {
    kind: "too-long",
  });
});
