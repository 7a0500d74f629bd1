// SPDX-License-Identifier: Apache-2.0

import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { createRegistry, fromBinary, getOption, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  AnySchema,
  FileDescriptorSetSchema,
  MethodOptionsSchema,
  StructSchema,
} from "@bufbuild/protobuf/wkt";
import test from "ava";
import fc from "fast-check";

import { countFields } from "./count-fields.ts";
import { ActionResponseSchema } from "./gen/cloudstate/action_pb.ts";
import { EntitySpecSchema } from "./gen/cloudstate/entity_pb.ts";
import { EventSourcedStreamOutSchema } from "./gen/cloudstate/event_sourced_pb.ts";
import { ValueEntityStreamOutSchema } from "./gen/cloudstate/value_entity_pb.ts";
import { http } from "./gen/google/api/annotations_pb.ts";
import { CommitSchema, SnapshotSchema } from "./gen/perdure/log/v1/log_pb.ts";
import { SCALAR_WIRE_TYPES } from "./wire-cursor.ts";

const SCHEMAS: readonly DescMessage[] = [
  EventSourcedStreamOutSchema,
  ValueEntityStreamOutSchema,
  ActionResponseSchema,
  EntitySpecSchema,
  CommitSchema,
  SnapshotSchema,
  FileDescriptorSetSchema,
  StructSchema,
];

const ALL = Number.POSITIVE_INFINITY;
const SEED = Date.now() & 0x7fff_ffff;
const RUNS = { numRuns: 2_000, seed: SEED };

/** Objects and arrays that a message consists of. */
function objectsIn(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  // An empty byte array counts as 0, because all empty ones are the same object.
  if (value instanceof Uint8Array) return Math.min(value.length, 1);
  return Object.values(value).reduce((sum: number, each) => sum + objectsIn(each), 1);
}

/** Writes a message of this type. Each number of `choices` decides one thing, for example which field is next. */
function write(desc: DescMessage, choices: Iterator<number>, depth: number): BinaryWriter {
  const writer = new BinaryWriter();
  const next = (): number => choices.next().value ?? 0;
  for (let count = next() % 6; count > 0; count--) {
    const choice = next();
    const field = desc.fields[choice % (desc.fields.length + 1)];
    if (field === undefined) writer.tag(5_000, WireType.LengthDelimited).string("x".repeat(choice % 3));
    else writeField(writer, field, choices, depth);
  }
  return writer;
}

function writeField(writer: BinaryWriter, field: DescField, choices: Iterator<number>, depth: number): void {
  const inner = (): Uint8Array => {
    if (field.fieldKind === "map") {
      const entry = new BinaryWriter().tag(1, WireType.LengthDelimited).string(`k${choices.next().value}`);
      if (field.message === undefined || (choices.next().value ?? 0) % 2 === 0) return entry.finish();
      const value = write(field.message, choices, depth - 1).finish();
      return entry.tag(2, WireType.LengthDelimited).bytes(value).finish();
    }
    return field.message === undefined || depth === 0
      ? new Uint8Array(0)
      : write(field.message, choices, depth - 1).finish();
  };
  const isDelimited = field.message !== undefined || field.fieldKind === "map";
  const wireType =
    isDelimited || field.scalar !== undefined
      ? isDelimited
        ? WireType.LengthDelimited
        : SCALAR_WIRE_TYPES[field.scalar as keyof typeof SCALAR_WIRE_TYPES]
      : WireType.Varint;
  if (wireType === WireType.Bit64) writer.tag(field.number, wireType).fixed64(1);
  else if (wireType === WireType.Bit32) writer.tag(field.number, wireType).fixed32(1);
  else if (wireType === WireType.LengthDelimited) writer.tag(field.number, wireType).bytes(inner());
  else if (field.fieldKind !== "list") writer.tag(field.number, wireType).uint32(1);
  else
    writer
      .tag(field.number, WireType.LengthDelimited)
      .bytes(new Uint8Array(Number(choices.next().value ?? 0)));
}

const choices = fc.array(fc.nat(255), { maxLength: 400, size: "max" });

for (const desc of SCHEMAS) {
  test(`(1) ${desc.typeName}: the count is no less than the objects it becomes, and not much more`, (t) => {
    let most = 0;
    fc.assert(
      fc.property(choices, (numbers) => {
        const bytes = write(desc, numbers.values(), 4).finish();
        const message = fromBinary(desc, bytes, { readUnknownFields: false });
        const objects = objectsIn(message);
        const count = countFields(desc, bytes, ALL);
        most = Math.max(most, objects);
        t.true(count >= objects, `${count} for ${objects} objects`);
        // Not for this type, because `toBinary` refuses a message without its required fields.
        if (desc === FileDescriptorSetSchema) return;
        // Written again, the message has no fields that a later field replaces. Numbers and texts are fields, but no
        // objects.
        const own = toBinary(desc, message);
        t.true(countFields(desc, own, ALL) <= objects + own.length, `${count} for ${objects} objects`);
      }),
      RUNS,
    );
    t.true(most > 10, `${most} objects at most`);
  });

  test(`(1) (3) ${desc.typeName}: whatever bytes are counted become no more objects than that`, (t) => {
    let read = 0;
    const mutated = fc.tuple(choices, fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 3 }));
    fc.assert(
      fc.property(mutated, ([numbers, changes]) => {
        const bytes = write(desc, numbers.values(), 3).finish();
        for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
        const count = counted(desc, bytes);
        if (count === undefined) return;
        let objects;
        try {
          objects = objectsIn(fromBinary(desc, bytes, { readUnknownFields: false }));
        } catch {
          return;
        }
        read++;
        t.true(count >= objects, `${count} for ${objects} objects`);
      }),
      RUNS,
    );
    t.true(read > 100);
  });
}

/** Undefined if it is refused. */
function counted(desc: DescMessage, bytes: Uint8Array): number | undefined {
  try {
    return countFields(desc, bytes, ALL);
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

test("any bytes are counted or refused, and never more than twenty times their length", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const count = counted(EventSourcedStreamOutSchema, bytes);
      t.true(count === undefined || count <= 2 + 20 * bytes.length);
    }),
    RUNS,
  );
});

test("it stops at the first field beyond the bound", (t) => {
  const bytes = Buffer.from([...Array.from({ length: 1_000 }, () => [0x7a, 0x00]).flat(), 0xff]);
  t.is(countFields(ActionResponseSchema, bytes, 500), 501);
  t.throws(() => countFields(ActionResponseSchema, bytes, 5_000), { message: /no number|ends after|tag/ });
});

test("unknown groups, and what is in them, count; what is in an Any does not", (t) => {
  const group = [0x2b, 0x08, 0x01, 0x08, 0x01, 0x2c];
  t.is(countFields(AnySchema, Buffer.from(group), ALL), 1 + 1 + 2);
  t.throws(() => countFields(AnySchema, Buffer.from([0x2b, 0x08, 0x01]), ALL));
  t.throws(() => countFields(AnySchema, Buffer.from([0x2c]), ALL));
  t.is(countFields(AnySchema, Buffer.from([0x12, 0x04, 0x08, 0x01, 0x08, 0x01]), ALL), 2);
});

test("messages that are too deep are refused, as fromBinary refuses them", (t) => {
  const deep = Buffer.from(Array.from({ length: 200 }, () => 0x2b));
  t.throws(() => countFields(AnySchema, deep, ALL), { message: /more than 100 messages/ });
});

test("(2) an extension counts as what it becomes", (t) => {
  const bindings = new Uint8Array(Array.from({ length: 50 }, () => [0x5a, 0x00]).flat());
  const bytes = new BinaryWriter().tag(http.number, WireType.LengthDelimited).bytes(bindings).finish();
  const rule = getOption(
    { proto: { options: fromBinary(MethodOptionsSchema, bytes) }, kind: "rpc" } as Parameters<
      typeof getOption
    >[0],
    http as Parameters<typeof getOption>[1],
  );
  t.true(countFields(MethodOptionsSchema, bytes, ALL, createRegistry(http)) >= objectsIn(rule));
  t.true(countFields(MethodOptionsSchema, bytes, ALL) < 20);
});
