// SPDX-License-Identifier: Apache-2.0

import type { JsonValue } from "@bufbuild/protobuf";
import * as fc from "fast-check";

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
const double = fc.double({ noNaN: true, noDefaultInfinity: true });
const text = fc.string({ unit: "grapheme" });
const blob = fc.uint8Array().map((bytes) => Buffer.from(bytes).toString("base64"));
const time = fc
  .date({ min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true })
  .map((date) => date.toISOString());
const duration = fc.tuple(int32, fc.nat(999)).map(([s, ms]) => `${s}.${String(ms).padStart(3, "0")}s`);
const mask = fc.array(fc.constantFrom("a", "bC", "dE.f"), { minLength: 1 }).map((paths) => paths.join(","));
const colour = fc.constantFrom("RED", "COLOUR_UNSPECIFIED", 7);
const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonValue>;
const list = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(item, { maxLength: 4 });
const map = <T>(key: fc.Arbitrary<string>, value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
  fc.dictionary(key, value, { maxKeys: 4 });

const wide = fc.record(
  {
    a1: text,
    a2: int32,
    a3: int64,
    a4: fc.boolean(),
    a6: blob,
    a7: colour,
    a8: list(text),
    a9: map(text, text),
  },
  { requiredKeys: [] },
);

/** Heaps hold heaps in six ways: without a bound of their depth, some would take minutes to be made. */
const DEPTH = { depthIdentifier: fc.createDepthIdentifier(), depthSize: "small", maxDepth: 3 } as const;

/** The JSON of any `perdure.test.heap.Heap`. */
export const arbitraryHeap: fc.Arbitrary<JsonValue> = fc.letrec<{ heap: JsonValue; any: JsonValue }>(
  (tie) => ({
    any: fc.oneof(
      DEPTH,
      fc.constant({}),
      tie("heap").map((heap) => ({ "@type": "x/perdure.test.heap.Heap", ...(heap as object) })),
      json.map((value) => ({ "@type": "x/google.protobuf.Value", value })),
      duration.map((value) => ({ "@type": "type.googleapis.com/google.protobuf.Duration", value })),
    ),
    heap: fc.oneof(
      { ...DEPTH, withCrossShrink: true },
      fc.constant({}),
      fc.record(
        {
          text,
          blob,
          nothings: list(fc.constant({})),
          wides: list(wide),
          ints: list(int32),
          longs: list(int64),
          doubles: list(double),
          texts: list(text),
          blobs: list(blob),
          names: map(text, text),
          byNumber: map(int64, fc.constant({})),
          struct: map(text, json),
          value: json,
          any: tie("any"),
          anys: list(tie("any")),
          times: list(time),
          durations: list(duration),
          mask,
          wrapped: list(text),
          flags: list(fc.boolean()),
          colours: list(colour),
          heap: tie("heap"),
          heaps: list(tie("heap")),
          heapsByName: map(text, tie("heap")),
          chosenText: text,
          maybe: int32,
          fixed: list(fc.nat()),
          values: list(json),
          wrappedBlob: blob,
          huge: uint64,
        },
        { requiredKeys: [] },
      ),
    ),
  }),
).heap;

/** Keys and values of a JSON value. */
export function countValues(value: JsonValue): number {
  if (typeof value !== "object" || value === null) return 1;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + countValues(item), 1);
  return Object.values(value).reduce<number>((sum, item) => sum + 1 + countValues(item), 1);
}
