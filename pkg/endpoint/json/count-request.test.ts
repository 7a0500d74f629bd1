// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { fromJson, toJson } from "@bufbuild/protobuf";
import test from "ava";
import * as fc from "fast-check";

import { HttpError } from "../http/http-error.ts";
import { arbitraryHeap, countValues } from "../testdata/arbitrary-heap.ts";
import { heapSpec } from "../testdata/library-spec.ts";
import { countRequestValues } from "./count-request.ts";

const { registry } = heapSpec().descriptors;
const heap = registry.getMessage("perdure.test.heap.Heap") as DescMessage;

const MANY = 10_000_000;

function count(json: JsonValue, maxJsonValues = MANY): number {
  return countRequestValues(heap, json, registry, maxJsonValues);
}

/** The number of keys and values in the JSON of the resulting message, written with its defaults. */
function built(json: JsonValue): number {
  const message = fromJson(heap, json, { registry });
  return countValues(toJson(heap, message, { registry, alwaysEmitImplicit: true }));
}

const exact: readonly JsonValue[] = [
  {},
  { text: "a" },
  { nothings: [{}, {}] },
  { wides: [{}, { a1: "" }] },
  { by_number: { 1: {} } },
  { maybe: 1, chosenText: "a" },
  { struct: { a: [1, { b: null }] }, value: [[]] },
  { any: {} },
  { any: { "@type": "x/perdure.test.heap.Wide", a1: "b" } },
  { any: { "@type": "x/google.protobuf.Struct", value: { a: 1 } } },
  { times: ["2020-01-01T00:00:00Z"], wrapped: ["a"], longs: ["1"] },
  { heap: { heaps: [{}] }, heapsByName: { a: {} } },
];

for (const json of exact) {
  test(`${JSON.stringify(json)} is counted as the message that it makes`, (t) =>
    t.is(count(json), built(json)));
}

test("it counts no fewer than the message has, and refuses beyond the bound", (t) => {
  fc.assert(
    fc.property(arbitraryHeap, (json) => {
      const values = count(json);
      t.true(values >= built(json));
      t.is(count(json, values), values);
      const error = t.throws(() => count(json, values - 1), { instanceOf: HttpError });
      t.is(error?.code, "JSON_TOO_MANY_VALUES");
    }),
    { numRuns: 1_000 },
  );
});

test("what does not fit the message is left to fromJson", (t) => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(...heap.fields), (json, field) => {
      t.notThrows(() => count(json as JsonValue));
      t.notThrows(() => count({ [field.name]: json as JsonValue }));
    }),
    { numRuns: 1_000 },
  );
});

test("the paths of a mask count", (t) => t.is(count({ mask: "a,b,c" }), count({ mask: "a" }) + 2));

const long = "1".repeat(1_001);
for (const json of [
  { longs: [long] },
  { huge: long },
  { doubles: [long] },
  { colours: [long] },
  { times: [long] },
  { by_number: { [long]: {} } },
  { any: { "@type": "x/perdure.test.heap.Heap", longs: [long] } },
]) {
  test(`${Object.keys(json).join(" ")}: a number or date of 1,001 characters is refused`, (t) => {
    t.is(t.throws(() => count(json), { instanceOf: HttpError })?.code, "WRONG_FIELD_TYPE");
  });
}

test("texts and bytes may be long", (t) => {
  const text = "1".repeat(1_000_000);
  t.notThrows(() =>
    count({ text, blob: text, wrapped: [text], wrappedBlob: text, names: { [text]: text }, value: text }),
  );
});

test("ten Anys inside each other are taken, and one more is not", (t) => {
  const nested = (depth: number): JsonValue =>
    depth === 0 ? {} : { "@type": "x/google.protobuf.Any", value: nested(depth - 1) };
  t.notThrows(() => count({ any: nested(10) }));
  t.is(t.throws(() => count({ any: nested(11) }), { instanceOf: HttpError })?.code, "JSON_TOO_DEEP");
});
