// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import * as fc from "fast-check";

import { isBetweenFloats, nearestFloat } from "./nearest-float.ts";

const INFINITY_BITS = 0x7f80_0000;

/** The float with these bits. Where the test computes a middle, it takes 2^128 in place of infinity. */
function floatOf(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits);
  return view.getFloat32(0);
}

/** `parts` / 2^150 as a decimal number with all its digits, and `digits` more. `more` is added to the last digit. */
function decimalText(parts: bigint, more: bigint, digits: number): string {
  return `${parts * 5n ** 150n * 10n ** BigInt(digits) + more}e-${150 + digits}`;
}

const bitsOfFloats = fc.oneof(
  fc.integer({ min: 0, max: INFINITY_BITS - 1 }),
  fc.constantFrom(0, 1, 0x007f_ffff, 0x0080_0000, 0x3f80_0000, INFINITY_BITS - 1),
);

test("what is in the middle between two floats goes to the even one, what is beside it to the nearer one", (t) => {
  fc.assert(
    fc.property(bitsOfFloats, fc.integer({ min: 1, max: 400 }), fc.boolean(), (bits, digits, isNegative) => {
      const sign = isNegative ? "-" : "";
      const signed = (value: number): number => (isNegative ? -value : value);
      const below = floatOf(bits);
      const above = floatOf(bits + 1);
      const end = Number.isFinite(above) ? above : 2 ** 128;
      const middle = (below + end) / 2;
      const parts = BigInt(middle * 2 ** 150);
      t.true(isBetweenFloats(signed(middle)));
      t.is(nearestFloat(sign + decimalText(parts, 0n, digits)), signed(bits % 2 === 0 ? below : above));
      t.is(nearestFloat(sign + decimalText(parts, 1n, digits)), signed(above));
      t.is(nearestFloat(sign + decimalText(parts, -1n, digits)), signed(below));
    }),
    { numRuns: 2_000 },
  );
});

test("any float is itself, and no middle", (t) => {
  fc.assert(
    fc.property(bitsOfFloats, (bits) => {
      const float = floatOf(bits);
      t.false(isBetweenFloats(float));
      t.is(nearestFloat(String(float)), float);
    }),
  );
});
