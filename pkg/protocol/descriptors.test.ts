// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";

import type { DescFile, MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary, fromJson, setExtension, toBinary } from "@bufbuild/protobuf";
import type { FileDescriptorProto, MethodOptions } from "@bufbuild/protobuf/wkt";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import type { ExecutionContext } from "ava";
import test from "ava";
import fc from "fast-check";

import { messageTypeUrl } from "./any.ts";
import type { DescriptorErrorCode } from "./descriptors.ts";
import { DescriptorError, readDescriptors } from "./descriptors.ts";
import { file_cloudstate_event_sourced } from "./gen/cloudstate/event_sourced_pb.ts";
import { http } from "./gen/google/api/annotations_pb.ts";
import { HttpRuleSchema } from "./gen/google/api/http_pb.ts";

type File = MessageInitShape<typeof FileDescriptorProtoSchema>;

function setOf(file: readonly File[]): Uint8Array {
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [...file] }));
}

/** A file with one message of the same name, which has one field for the message of each imported file. */
function fileNamed(name: string, ...imports: readonly string[]): File {
  const field = imports.map((each, index) => ({
    name: `f${index}`,
    number: index + 1,
    label: FieldDescriptorProto_Label.OPTIONAL,
    type: FieldDescriptorProto_Type.MESSAGE,
    typeName: `.x.${each}`,
  }));
  const dependency = imports.map((each) => `${each}.proto`);
  return {
    name: `${name}.proto`,
    package: "x",
    syntax: "proto3",
    dependency,
    messageType: [{ name, field }],
  };
}

/** A file and all that it imports, as a compiler would put them into a set. */
function withImports(file: DescFile): FileDescriptorProto[] {
  const all = new Map<string, FileDescriptorProto>();
  const visit = (each: DescFile) => {
    each.dependencies.forEach(visit);
    all.set(each.proto.name, each.proto);
  };
  visit(file);
  return [...all.values()];
}

function refuses(t: ExecutionContext, bytes: Uint8Array, code: DescriptorErrorCode, message: RegExp): void {
  const error = t.throws(() => readDescriptors(bytes), { instanceOf: DescriptorError, message });
  t.is(error?.code, code);
}

/** Messages M0, M1, …; each imports some of those before it. */
const acyclic: fc.Arbitrary<File[]> = fc
  .array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 9 })
  .map((picks) =>
    picks.map((pick, index) => {
      const imports = index === 0 ? [] : [...new Set(pick.map((each) => `M${each % index}`))];
      return fileNamed(`M${index}`, ...imports);
    }),
  );

test("files may come in any order", (t) => {
  const shuffled = acyclic.chain((files) => fc.shuffledSubarray(files, { minLength: files.length }));
  t.notThrows(() =>
    fc.assert(
      fc.property(shuffled, (files) => {
        const { registry, fileBytes } = readDescriptors(setOf(files));
        for (const file of files) {
          const name = file.name ?? "";
          const message = registry.getMessage(`x.${name.replace(".proto", "")}`);
          const types = message?.fields.map((field) => `${field.message?.file.name}.proto`);
          assert.deepEqual(types, file.dependency);
          assert.equal(fromBinary(FileDescriptorProtoSchema, fileBytes.get(name) as Uint8Array).name, name);
        }
        assert.equal(fileBytes.size, files.length);
      }),
    ),
  );
});

test("the protocol's own descriptors are read with all their imports, last first", (t) => {
  const files = withImports(file_cloudstate_event_sourced).reverse();
  const { registry, fileBytes } = readDescriptors(setOf(files));
  const handle = registry.getService("cloudstate.eventsourced.EventSourced")?.method["handle"];
  t.is(handle?.input.typeName, "cloudstate.eventsourced.EventSourcedStreamIn");
  t.true(fileBytes.has("google/protobuf/any.proto"));
});

test("the bytes for reflection are those that were announced, without what was filled in", (t) => {
  const file = fileNamed("A");
  const { fileBytes } = readDescriptors(setOf([file]));
  t.deepEqual(
    fileBytes.get("A.proto"),
    toBinary(FileDescriptorProtoSchema, create(FileDescriptorProtoSchema, file)),
  );
});

test("an import that is not in the set is named, with the file that wants it", (t) => {
  refuses(
    t,
    setOf([fileNamed("B", "A"), fileNamed("C", "B")]),
    "DESCRIPTORS_MISSING_IMPORT",
    /^descriptor set lacks A\.proto, which B\.proto imports; it must hold all imports$/,
  );
});

test("a circle of imports is shown", (t) => {
  const files = [fileNamed("D", "A"), fileNamed("A", "B"), fileNamed("B", "C"), fileNamed("C", "A")];
  refuses(t, setOf(files), "DESCRIPTORS_CIRCULAR_IMPORT", /: A\.proto -> B\.proto -> C\.proto -> A\.proto$/);
  refuses(t, setOf([fileNamed("A", "A")]), "DESCRIPTORS_CIRCULAR_IMPORT", /: A\.proto -> A\.proto$/);
});

test("imports may be deep, but not without a bound (I11, I12)", (t) => {
  const chain = (length: number) =>
    setOf(
      Array.from({ length }, (_, i) =>
        i + 1 < length ? fileNamed(`M${i}`, `M${i + 1}`) : fileNamed(`M${i}`),
      ),
    );
  t.is(readDescriptors(chain(1000)).fileBytes.size, 1000);
  refuses(t, chain(1001), "DESCRIPTORS_MALFORMED", /more than 1000 deep/);
});

test("bytes that are no descriptor set, or one that makes no sense, are refused (I12)", (t) => {
  refuses(t, Uint8Array.of(10, 200), "DESCRIPTORS_MALFORMED", /is not a google\.protobuf\.FileDescriptorSet/);
  const dangling = { ...fileNamed("A", "B"), dependency: [] };
  refuses(t, setOf([dangling]), "DESCRIPTORS_MALFORMED", /cannot be used: .*\.x\.B/);
  refuses(t, setOf([{ ...fileNamed("A"), syntax: "proto9" }]), "DESCRIPTORS_MALFORMED", /proto9/);
  t.is(readDescriptors(new Uint8Array()).fileBytes.size, 0, "nothing is a set of no files");
});

test("damaged bytes are read or refused, and never fail in any other way (I12)", (t) => {
  const sound = setOf([fileNamed("C", "A", "B"), fileNamed("B", "A"), fileNamed("A")]);
  const damage = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
  const damaged = damage.map((changes) => {
    const bytes = Uint8Array.from(sound);
    for (const [at, value] of changes) bytes[at] = value;
    return bytes;
  });
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        try {
          readDescriptors(bytes);
        } catch (error) {
          if (!(error instanceof DescriptorError)) throw error;
        }
      }),
      { numRuns: 500 },
    ),
  );
});

test("a JSON name that was left out follows from the field's name as compilers derive it", (t) => {
  const names = {
    product_id: "productId",
    productId: "productId",
    a_1b: "a1b",
    _lead: "Lead",
    two__three: "twoThree",
    end_: "end",
    UPPER_CASE: "UPPERCASE",
  };
  const field = Object.keys(names).map((name, index) => ({
    name,
    number: index + 1,
    label: FieldDescriptorProto_Label.OPTIONAL,
    type: FieldDescriptorProto_Type.STRING,
  }));
  const given = { ...field[0], name: "given", number: 99, jsonName: "@given" };
  const nested = { name: "Inner", field: [...field, given] };
  const { registry } = readDescriptors(
    setOf([
      {
        name: "a.proto",
        package: "x",
        syntax: "proto3",
        messageType: [{ name: "Outer", nestedType: [nested] }],
      },
    ]),
  );
  const inner = registry.getMessage("x.Outer.Inner");
  t.deepEqual(
    inner?.fields.map((each) => each.jsonName),
    [...Object.values(names), "@given"],
  );
  if (inner !== undefined) t.notThrows(() => fromJson(inner, { a1b: "x", "@given": "y" }));
});

test("a message's type URL is its full name behind the usual prefix", (t) => {
  t.is(messageTypeUrl("x.v1.Box"), "type.googleapis.com/x.v1.Box");
});

test("a set of more than 64 KiB may have so many fields and no more, those of HTTP rules included (I11)", (t) => {
  const message = (count: number): File => ({
    name: "a.proto",
    messageType: Array.from({ length: count }, (_, index) => ({ name: `Message${index}` })),
  });
  t.is(readDescriptors(setOf([message(6_000)]), 100_000).fileBytes.size, 1);
  const refusal = {
    code: "DESCRIPTORS_TOO_LARGE",
    message: /^descriptor set: a google.* has more than 50000 fields/,
  };
  t.throws(() => readDescriptors(setOf([message(6_000)]), 50_000), refusal);
  const files = (options: MethodOptions) => {
    const method = [{ name: "Do", inputType: ".x.A", outputType: ".x.A", options }];
    return setOf([
      { name: "A.proto", package: "x", messageType: [{ name: "A" }], service: [{ name: "S", method }] },
    ]);
  };
  const options = create(MethodOptionsSchema);
  const additionalBindings = Array.from({ length: 49_000 }, () => ({}));
  setExtension(options, http, create(HttpRuleSchema, { additionalBindings }));
  t.throws(() => readDescriptors(files(options), 50_000), refusal);
  t.is(readDescriptors(files(options), 500_000).fileBytes.size, 1);
});
