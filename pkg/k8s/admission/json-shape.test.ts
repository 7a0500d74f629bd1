// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { JsonShape } from "./json-shape.ts";

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

/** Opening brackets, commas between members, and a colon for each key. */
function valuesOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const members = Object.values(value);
  const inside = members.reduce<number>((sum, each) => sum + valuesOf(each), 0);
  return 1 + Math.max(0, members.length - 1) + (Array.isArray(value) ? 0 : members.length) + inside;
}

function verdict(text: string, maxDepth: number, maxValues: number, pieces = 1): string | undefined {
  const shape = new JsonShape({ maxDepth, maxValues });
  const bytes = Buffer.from(text);
  const step = Math.max(1, Math.ceil(bytes.length / pieces));
  for (let from = 0; from < bytes.length; from += step) {
    const found = shape.add(bytes.subarray(from, from + step));
    if (found !== undefined) return found;
  }
  return undefined;
}

test("depth and values are counted as they are, whatever stands in the texts and wherever the bytes are cut", (t) => {
  const text = fc.oneof(fc.string(), fc.constantFrom('"', "\\", '[[{"', '\\\\"[', ",:,:"));
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      text,
      fc.integer(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(text, tie("value"), { maxKeys: 4 }),
    ),
  })).value;
  const property = fc.property(json, fc.integer({ min: 1, max: 50 }), (value, pieces) => {
    const written = JSON.stringify(value);
    const [depth, values] = [depthOf(value), valuesOf(value)];
    t.is(verdict(written, depth, values, pieces), undefined, written);
    if (depth > 0) t.is(verdict(written, depth - 1, Infinity, pieces), "depth", written);
    if (values > 0) t.is(verdict(written, Infinity, values - 1, pieces), "values", written);
  });
  fc.assert(property, { numRuns: 1_000 });
});

test("of what is no JSON as much is counted as the parser could build before it stops", (t) => {
  t.is(verdict("[".repeat(100), 99, 1_000), "depth");
  t.is(
    verdict("]".repeat(100) + "[".repeat(100), 99, 1_000),
    undefined,
    "the parser stops at the first byte",
  );
  t.is(verdict(`"${"[".repeat(100)}`, 9, 9), undefined, "a text without an end");
});
