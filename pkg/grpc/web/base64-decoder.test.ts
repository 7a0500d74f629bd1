// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import * as fc from "fast-check";

import { StatusError } from "../status.ts";
import { Base64Decoder } from "./base64-decoder.ts";

function decode(chunks: readonly string[]): Buffer {
  const decoder = new Base64Decoder();
  const bytes = Buffer.concat(chunks.map((chunk) => decoder.push(Buffer.from(chunk, "latin1"))));
  decoder.end();
  return bytes;
}

test("whatever was encoded in pieces and cut anywhere comes out as it was", (t) => {
  const property = fc.property(
    fc.array(fc.uint8Array({ maxLength: 12 })),
    fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
    (pieces, cuts) => {
      const text = pieces.map((piece) => Buffer.from(piece).toString("base64")).join("");
      const chunks: string[] = [];
      for (let at = 0, i = 0; at < text.length; i++) {
        const length = cuts[i % cuts.length] ?? 1;
        chunks.push(text.slice(at, at + length));
        at += length;
      }
      t.deepEqual(decode(chunks), Buffer.concat(pieces));
    },
  );
  fc.assert(property);
  t.pass();
});

for (const text of [
  "A",
  "AA",
  "AAA",
  "AA=",
  "====",
  "A===",
  "AA=A",
  "=AAA",
  "AA*A",
  "AAAA\r\n",
  "AAAA AAA",
  "ä€AA",
]) {
  test(`${JSON.stringify(text)} is not base64`, (t) => {
    t.throws(() => decode([text]), { instanceOf: StatusError, code: "BAD_FRAME" });
  });
}
