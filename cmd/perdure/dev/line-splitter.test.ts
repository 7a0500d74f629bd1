// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { LineSplitter } from "./line-splitter.ts";

function linesOf(chunks: readonly Uint8Array[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.write(chunk);
  splitter.end();
  return lines;
}

test("lines come out whole, whatever way the bytes were cut", (t) => {
  const property = fc.property(
    fc.array(
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }).filter((line) => !/[\r\n]/.test(line)),
    ),
    fc.array(fc.nat(40), { maxLength: 6 }),
    (lines, cuts) => {
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
      const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      t.deepEqual(linesOf(at.slice(1).map((end, index) => bytes.subarray(at[index], end))), lines);
    },
  );
  t.notThrows(() => fc.assert(property));
});

test("an unfinished last line and carriage returns are taken care of", (t) => {
  t.deepEqual(linesOf([Buffer.from("a\r\n\nb")]), ["a", "", "b"]);
});

test("a line without an end is cut", (t) => {
  const lines = linesOf([Buffer.alloc(40_000, "x")]);
  t.deepEqual(
    lines.map((line) => line.length),
    [16_384, 16_384, 7_232],
  );
});
