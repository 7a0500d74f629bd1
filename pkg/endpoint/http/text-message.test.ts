// SPDX-License-Identifier: Apache-2.0

import type { DescField } from "@bufbuild/protobuf";
import { fromJson, toBinary } from "@bufbuild/protobuf";
import test from "ava";
import * as fc from "fast-check";

import { librarySpec } from "../testdata/library-spec.ts";
import { textMessageEncoder } from "./text-message.ts";

const { registry } = librarySpec().descriptors;

function fieldsOf(message: string, ...names: readonly string[]): DescField[] {
  const desc = registry.getMessage(`perdure.test.library.${message}`);
  return names.map((name) => {
    const field = desc?.fields.find((candidate) => candidate.name === name);
    if (field === undefined) throw new Error(`no field ${message}.${name}`);
    return field;
  });
}

test("the bytes are those of the general encoder, whatever the texts and the order of the fields", (t) => {
  const desc = registry.getMessage("perdure.test.library.Book");
  const encode = textMessageEncoder(fieldsOf("Book", "title", "isbn"));
  if (desc === undefined || encode === undefined) return t.fail();
  const texts = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.string({ minLength: 120, maxLength: 140 }),
    fc.constant("é".repeat(9_000)),
  );
  fc.assert(
    fc.property(texts, texts, (title, isbn) => {
      const bytes = encode([title, isbn]);
      t.true(Buffer.from(bytes).equals(toBinary(desc, fromJson(desc, { title, isbn }))));
    }),
  );
  t.pass();
});

test("other fields than plain texts take the general way", (t) => {
  for (const [message = "", name = ""] of [
    ["Book", "copies"],
    ["Book", "tags"],
    ["SearchRequest", "cover"],
    ["SearchRequest", "by_title"],
    ["Everything", "maybe"],
  ]) {
    t.is(textMessageEncoder(fieldsOf(message, name)), undefined, name);
  }
});
