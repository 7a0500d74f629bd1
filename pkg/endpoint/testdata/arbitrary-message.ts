// SPDX-License-Identifier: Apache-2.0

import type { DescEnum, DescField, DescMessage, Registry } from "@bufbuild/protobuf";
import { fromBinary, ScalarType, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import * as fc from "fast-check";

import { SCALAR_WIRE_TYPES } from "../../protocol/mod.ts";

/** Writes the value of a field, without its tag. */
type Written = (writer: BinaryWriter) => void;

/** Fields that one message has at most. */
const MAX_FIELDS = 6;
const MAX_ITEMS = 3;

/**
 * The bytes of any message of a type that protobuf's JSON can show. Numbers and well-known types are at the edges of
 * their ranges more often than elsewhere. Written from the declaration alone.
 *
 * @param types those that an `Any` may hold.
 */
export function arbitraryMessage(
  desc: DescMessage,
  types: readonly DescMessage[],
  depth = 3,
): fc.Arbitrary<Uint8Array> {
  const special = SPECIALS[desc.typeName];
  if (special !== undefined) return special.map(bytesOf);
  if (desc.typeName === "google.protobuf.Any") return arbitraryAny(types, depth);
  if (desc.typeName === "google.protobuf.Value") return arbitraryValue(desc, types, depth);
  const usable = desc.fields.filter((field) => depth > 0 || field.message === undefined);
  return fc
    .subarray(usable, { maxLength: Math.min(MAX_FIELDS, usable.length) })
    .chain((fields) => fc.tuple(...fields.map((field) => arbitraryField(field, types, depth))))
    .map((fields) => bytesOf((writer) => fields.forEach((write) => write(writer))));
}

/** The messages of the packages that begin with one of these names. */
export function messagesOf(types: Registry, ...packages: readonly string[]): DescMessage[] {
  return [...types].filter(
    (type): type is DescMessage =>
      type.kind === "message" && packages.some((name) => type.typeName.startsWith(name)),
  );
}

function arbitraryField(
  field: DescField,
  types: readonly DescMessage[],
  depth: number,
): fc.Arbitrary<Written> {
  const { number, fieldKind } = field;
  const element = arbitraryElement(field, types, depth);
  if (fieldKind === "list") {
    const items = fc.array(element, { minLength: 1, maxLength: MAX_ITEMS });
    return items.map(
      (values) => (writer) => values.forEach((value) => tagged(writer, number, wireTypeOf(field), value)),
    );
  }
  if (fieldKind !== "map")
    return element.map((value) => (writer) => tagged(writer, number, wireTypeOf(field), value));
  const key = SCALARS[field.mapKey];
  const entry = fc.tuple(key, element).map(([name, value]): Written => {
    const bytes = bytesOf((writer) => {
      tagged(writer, 1, SCALAR_WIRE_TYPES[field.mapKey], name);
      tagged(writer, 2, wireTypeOf(field), value);
    });
    return (writer) => writer.bytes(bytes);
  });
  return fc
    .array(entry, { minLength: 1, maxLength: MAX_ITEMS })
    .map(
      (entries) => (writer) =>
        entries.forEach((value) => tagged(writer, number, WireType.LengthDelimited, value)),
    );
}

function arbitraryElement(
  field: DescField,
  types: readonly DescMessage[],
  depth: number,
): fc.Arbitrary<Written> {
  if (field.message !== undefined)
    return arbitraryMessage(field.message, types, depth - 1).map((bytes) => (writer) => writer.bytes(bytes));
  if (field.enum !== undefined) return arbitraryEnum(field.enum);
  if (field.scalar === undefined) throw new TypeError("a field has no type");
  return SCALARS[field.scalar];
}

function arbitraryEnum(desc: DescEnum): fc.Arbitrary<Written> {
  const declared = fc.constantFrom(...desc.values.map(({ number }) => number));
  // `NullValue` has one value only.
  const numbers = desc.typeName === "google.protobuf.NullValue" ? declared : fc.oneof(declared, int32);
  return numbers.map((value) => (writer) => writer.int32(value));
}

function arbitraryAny(types: readonly DescMessage[], depth: number): fc.Arbitrary<Uint8Array> {
  if (depth <= 0) return fc.constant(new Uint8Array(0));
  return fc.constantFrom(...types).chain((desc) =>
    contents(desc, types, depth - 1).map((bytes) =>
      bytesOf((writer) => {
        writer.tag(1, WireType.LengthDelimited).string(`type.googleapis.com/${desc.typeName}`);
        writer.tag(2, WireType.LengthDelimited).bytes(bytes);
      }),
    ),
  );
}

/**
 * The contents of an `Any`, without fields that have their default value. Nothing writes the contents again, so they
 * must already have the form that `toBinary` gives them.
 */
function contents(desc: DescMessage, types: readonly DescMessage[], depth: number): fc.Arbitrary<Uint8Array> {
  return arbitraryMessage(desc, types, depth).map((bytes) => toBinary(desc, fromBinary(desc, bytes)));
}

/** A `Value` with one of its kinds, and only with a finite number, because JSON cannot express the others. */
function arbitraryValue(
  desc: DescMessage,
  types: readonly DescMessage[],
  depth: number,
): fc.Arbitrary<Uint8Array> {
  const kinds = desc.fields.filter((field) => depth > 0 || field.message === undefined);
  return fc
    .constantFrom(...kinds)
    .chain((field) =>
      field.scalar === ScalarType.DOUBLE
        ? finite.map(
            (value): Written =>
              (writer) =>
                tagged(writer, field.number, WireType.Bit64, (to) => to.double(value)),
          )
        : arbitraryField(field, types, depth),
    )
    .map(bytesOf);
}

const around = (edges: readonly bigint[], min: bigint, max: bigint): fc.Arbitrary<bigint> =>
  fc.oneof(
    fc.constantFrom(
      ...edges.flatMap((edge) => [edge - 1n, edge, edge + 1n]).filter((n) => n >= min && n <= max),
    ),
    fc.bigInt({ min, max }),
  );

const EDGES = [
  0n,
  2n ** 31n,
  -(2n ** 31n),
  2n ** 32n,
  2n ** 53n,
  -(2n ** 53n),
  2n ** 63n,
  -(2n ** 63n),
  2n ** 64n,
];
const int64 = around(EDGES, -(2n ** 63n), 2n ** 63n - 1n);
const uint64 = around(EDGES, 0n, 2n ** 64n - 1n);
const int32 = around(EDGES, -(2n ** 31n), 2n ** 31n - 1n).map(Number);
const uint32 = around(EDGES, 0n, 2n ** 32n - 1n).map(Number);
const double = fc.oneof(
  fc.double(),
  fc.constantFrom(
    0,
    -0,
    0.1,
    2 ** 53 + 2,
    Number.MAX_VALUE,
    Number.MIN_VALUE,
    1e21,
    1e-7,
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ),
);
const finite = double.filter(Number.isFinite);
const float = fc.oneof(
  fc.float(),
  fc.constantFrom(0, -0, 2 ** 24, 2 ** 24 + 2, 2 ** -126, 2 ** -149, Number.NaN, Number.NEGATIVE_INFINITY),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((value) => Math.fround(Number(value.toPrecision(4)))),
);
const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("", "__proto__", "9007199254740993", "\0", "😀"),
);

const write = <T>(
  values: fc.Arbitrary<T>,
  how: (writer: BinaryWriter, value: T) => unknown,
): fc.Arbitrary<Written> => values.map((value) => (writer) => void how(writer, value));

const SCALARS: Readonly<Record<ScalarType, fc.Arbitrary<Written>>> = {
  [ScalarType.INT64]: write(int64, (writer, value) => writer.int64(value)),
  [ScalarType.UINT64]: write(uint64, (writer, value) => writer.uint64(value)),
  [ScalarType.SINT64]: write(int64, (writer, value) => writer.sint64(value)),
  [ScalarType.FIXED64]: write(uint64, (writer, value) => writer.fixed64(value)),
  [ScalarType.SFIXED64]: write(int64, (writer, value) => writer.sfixed64(value)),
  [ScalarType.INT32]: write(int32, (writer, value) => writer.int32(value)),
  [ScalarType.UINT32]: write(uint32, (writer, value) => writer.uint32(value)),
  [ScalarType.SINT32]: write(int32, (writer, value) => writer.sint32(value)),
  [ScalarType.FIXED32]: write(uint32, (writer, value) => writer.fixed32(value)),
  [ScalarType.SFIXED32]: write(int32, (writer, value) => writer.sfixed32(value)),
  [ScalarType.FLOAT]: write(float, (writer, value) => writer.float(value)),
  [ScalarType.DOUBLE]: write(double, (writer, value) => writer.double(value)),
  [ScalarType.BOOL]: write(fc.boolean(), (writer, value) => writer.bool(value)),
  [ScalarType.STRING]: write(text, (writer, value) => writer.string(value)),
  [ScalarType.BYTES]: write(fc.uint8Array({ maxLength: 8 }), (writer, value) => writer.bytes(value)),
};

function wireTypeOf(field: DescField): WireType {
  if (field.message !== undefined) return WireType.LengthDelimited;
  return field.scalar === undefined ? WireType.Varint : SCALAR_WIRE_TYPES[field.scalar];
}

const nanos = fc.oneof(
  fc.constantFrom(0, 1, 999, 1_000, 999_999, 1_000_000, 500_000_000, 999_999_999),
  fc.nat(999_999_999),
);

function seconds(min: bigint, max: bigint): fc.Arbitrary<bigint> {
  return around([0n, min, max], min, max);
}

/** `seconds` and `nanos`. */
const moment =
  (second: bigint, nano: number): Written =>
  (writer) => {
    writer.tag(1, WireType.Varint).int64(second);
    writer.tag(2, WireType.Varint).int32(nano);
  };

const path = fc
  .array(fc.constantFrom("a", "user_id", "b1", "deep_er.still_deeper"), { minLength: 1, maxLength: 3 })
  .map((names) => names.join("."));

/** Messages whose bytes can hold values that their JSON cannot express. These arbitraries hold only the others. */
const SPECIALS: Readonly<Record<string, fc.Arbitrary<Written>>> = {
  "google.protobuf.Timestamp": fc
    .tuple(seconds(-62_135_596_800n, 253_402_300_799n), nanos)
    .map(([second, nano]) => moment(second, nano)),
  "google.protobuf.Duration": fc
    .tuple(seconds(-315_576_000_000n, 315_576_000_000n), nanos, fc.boolean())
    .map(([second, nano, isNegative]) =>
      moment(second, second < 0n || (second === 0n && isNegative) ? -nano : nano),
    ),
  "google.protobuf.FieldMask": fc.array(path, { maxLength: MAX_ITEMS }).map(
    (paths): Written =>
      (writer) => {
        for (const one of paths) writer.tag(1, WireType.LengthDelimited).string(one);
      },
  ),
};

function tagged(writer: BinaryWriter, number: number, wireType: WireType, value: Written): void {
  writer.tag(number, wireType);
  value(writer);
}

function bytesOf(written: Written): Uint8Array {
  const writer = new BinaryWriter();
  written(writer);
  return writer.finish();
}
