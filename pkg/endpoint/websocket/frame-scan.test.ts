// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { rawFrame } from "../testdata/web-sockets.ts";
import { FrameScan } from "./frame-scan.ts";

/** First bytes of frames, by what they do to the message that is arriving. */
const FIRST = { fragment: 0x01, next: 0x00, last: 0x80, whole: 0x82, ping: 0x89 } as const;

const frame = fc.record({
  kind: fc.constantFrom(...(Object.keys(FIRST) as (keyof typeof FIRST)[])),
  size: fc.oneof(fc.constantFrom(0, 1, 125, 126, 127), fc.integer({ min: 0, max: 300 })),
});

test("frames are counted the same wherever the bytes are cut", (t) => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 30 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 100 })),
      (frames, cuts) => {
        // After each frame: where it ends, and how many fragments are incomplete then.
        const ends: (readonly [end: number, fragments: number])[] = [];
        const bytes = Buffer.concat(
          frames.map(({ kind, size }) => rawFrame(FIRST[kind], Buffer.alloc(size, 0xff))),
        );
        let end = 0;
        let fragments = 0;
        for (const { kind, size } of frames) {
          end += rawFrame(FIRST[kind], Buffer.alloc(size)).length;
          if (kind === "fragment" || kind === "next") fragments++;
          else if (kind !== "ping") fragments = 0;
          ends.push([end, fragments]);
        }
        const scan = new FrameScan();
        for (let from = 0; from < bytes.length; ) {
          const to = Math.min(from + (cuts.next().value ?? 1), bytes.length);
          const before = ends.findLast((each) => each[0] <= from)?.[1] ?? 0;
          const after = ends.findLast((each) => each[0] <= to) ?? [0, 0];
          const within = ends.filter((each) => each[0] > from && each[0] <= to);
          const begins = from === 0 || ends.some((each) => each[0] === from);
          const seen = ends.flatMap((each, at) => (within.includes(each) ? [frames[at]?.kind] : []));
          scan.read(bytes.subarray(from, to));
          t.is(scan.fragments, after[1]);
          t.is(scan.newFragments, seen.filter((kind) => kind === "fragment" || kind === "next").length);
          t.is(scan.isIdle, after[0] === to && after[1] === 0);
          t.is(scan.wasIdle, (begins && before === 0) || within.some((each) => each[1] === 0));
          from = to;
        }
      },
    ),
  );
});

test("a length of eight bytes is read", (t) => {
  const scan = new FrameScan();
  scan.read(rawFrame(FIRST.whole, Buffer.alloc(10), 2 ** 33));
  t.false(scan.isIdle);
  t.true(scan.wasIdle);
});
