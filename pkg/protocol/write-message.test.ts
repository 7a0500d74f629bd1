// SPDX-License-Identifier: Apache-2.0

import { create, toBinary } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import test from "ava";
import fc from "fast-check";

import { ReplySchema } from "./gen/cloudstate/entity_pb.ts";
import { encodedTypeUrl, writeAny, writeMessage } from "./write-message.ts";

const FIELD = ReplySchema.field.payload.number;

test("a message with an Any has the bytes that toBinary gives it, and keeps them when others are written", (t) => {
  const any = fc.record({ typeUrl: fc.string({ unit: "binary", maxLength: 80 }), value: fc.uint8Array() });
  fc.assert(
    fc.property(fc.array(any, { minLength: 1, maxLength: 5 }), (anys) => {
      const wanted = anys.map((one) =>
        toBinary(ReplySchema, create(ReplySchema, { payload: create(AnySchema, one) })),
      );
      const written = anys.flatMap(({ typeUrl, value }) => [
        writeMessage((writer) => writeAny(writer, FIELD, typeUrl, value)),
        writeMessage((writer) => writeAny(writer, FIELD, typeUrl && encodedTypeUrl(typeUrl), value)),
      ]);
      t.deepEqual(
        written,
        wanted.flatMap((bytes) => [bytes, bytes]),
      );
    }),
  );
});

test("a message that cannot be written leaves nothing in the next one, nor does one inside another", (t) => {
  const write = (text: string): Uint8Array =>
    writeMessage((writer) => writer.tag(1, WireType.LengthDelimited).string(text));
  const wanted = write("after");
  t.throws(
    () =>
      writeMessage((writer) => {
        writer.tag(1, WireType.LengthDelimited).fork().string("before");
        throw new Error("no");
      }),
    { message: "no" },
  );
  t.deepEqual(write("after"), wanted);
  let inner: Uint8Array | undefined;
  const outer = writeMessage((writer) => {
    writer.tag(1, WireType.LengthDelimited);
    inner = write("after");
    writer.string("after");
  });
  t.deepEqual([outer, inner], [wanted, wanted]);
});

test("a large message has memory of its own", (t) => {
  const large = new Uint8Array(1_000_000).fill(7);
  const bytes = writeMessage((writer) => writer.raw(large));
  t.deepEqual(bytes, large);
  t.deepEqual(
    writeMessage((writer) => writer.raw(Uint8Array.of(1))),
    Uint8Array.of(1),
  );
  t.is(bytes.buffer.byteLength, large.length);
});
