// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import * as fc from "fast-check";

import { shortFloat } from "./short-float.ts";

const written: readonly (readonly [float: number, text: string])[] = [
  [0, "0"],
  [0.1, "0.1"],
  [1 / 3, "0.33333334"],
  [3.4028234663852886e38, "3.4028235e+38"],
  [2 ** -149, "1e-45"],
  [2 ** -126, "1.1754944e-38"],
  [16_777_215, "16777215"],
  [16_777_216, "16777216"],
  [33_554_436, "33554436"],
  [1e10, "10000000000"],
  [1.1920929e-7, "1.1920929e-7"],
  // Numbers that are hard to write, of the tests of Ryu (Adams, PLDI 2018).
  [4.7223665e21, "4.7223665e+21"],
  [8_388_608, "8388608"],
  [6.7131496e7, "67131496"],
  [1.9310392e-38, "1.9310392e-38"],
  [-2.47e-43, "-2.47e-43"],
  [1.993244e-38, "1.993244e-38"],
  [4103.9003, "4103.9004"],
  [5.3399997e9, "5339999700"],
  [6.0898e-39, "6.0898e-39"],
  [0.0010310042, "0.0010310042"],
  [2.882326e17, "288232600000000000"],
  [1.18697724e20, "118697725000000000000"],
  // The text is exactly halfway between this float and the one below, which is odd.
  [76_642_304, "76642300"],
];

for (const [float, text] of written) {
  test(`${float} as a float is written ${text}`, (t) => {
    t.is(JSON.stringify(shortFloat(Math.fround(float))), text);
    t.is(JSON.stringify(-shortFloat(Math.fround(-float))), text);
  });
}

test("the sign of zero and what is not finite stay", (t) => {
  for (const float of [-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    t.is(shortFloat(float), float);
});

const view = new DataView(new ArrayBuffer(4));

function floatOf(bits: number): number {
  view.setUint32(0, bits);
  return view.getFloat32(0);
}

test("any float is read back as it was, and no number of fewer digits is", (t) => {
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), (bits) => {
      const float = floatOf(bits);
      const short = shortFloat(float);
      t.is(Math.fround(short), float);
      if (!Number.isFinite(float) || float === 0) return;
      const digits = short.toExponential().replace(/^-?(\d)\.?(\d*)e.*$/, "$1$2").length;
      if (digits > 1) t.not(Math.fround(Number(float.toPrecision(digits - 1))), float);
    }),
    { numRuns: 50_000 },
  );
});
