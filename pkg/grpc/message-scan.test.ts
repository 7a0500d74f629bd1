// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { Account } from "../base/mod.ts";

import { encodePrefix, FrameDecoder } from "./framing.ts";

function frames(lengths: readonly number[]): Buffer {
  return Buffer.concat(lengths.flatMap((length) => [encodePrefix(length, false), Buffer.alloc(length, 1)]));
}

test("wherever a decoder has stopped, a scan counts the messages that are completed from there", (t) => {
  const lengths = fc.array(fc.oneof(fc.constant(0), fc.nat({ max: 20 }), fc.constant(40_000)), {
    maxLength: 12,
  });
  t.notThrows(() =>
    fc.assert(
      fc.property(lengths, fc.nat(), fc.nat(), fc.nat({ max: 12 }), (all, first, second, most) => {
        const bytes = frames(all);
        const [from = 0, to = 0] = [first, second].map((at) => at % (bytes.length + 1)).sort((a, b) => a - b);
        const decoder = new FrameDecoder(1e6, new Account(1e9).charge());
        decoder.push(bytes.subarray(0, from));
        let messages = 0;
        while (decoder.next() !== undefined) messages++;
        decoder.push(bytes.subarray(from, to));
        // It may have been paused before the last message of what it has.
        let taken = 0;
        while (taken < most && decoder.next() !== undefined) taken++;
        messages += taken;
        const left = wholeIn(all, to) - messages;
        const scan = decoder.scan();
        const counted = Array.from(bytes.subarray(to), (byte) => scan.read(Buffer.of(byte)));
        const sum = counted.reduce((total, count) => total + count, 0);
        return sum === all.length - messages - left;
      }),
    ),
  );
});

/** How many messages are whole in the first `at` bytes. */
function wholeIn(lengths: readonly number[], at: number): number {
  let end = 0;
  return lengths.filter((length) => (end += 5 + length) <= at).length;
}
