// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { ownBytes } from "./own-bytes.ts";

test("a view is copied if its buffer has more than the bytes allowed besides", (t) => {
  const buffer = new Uint8Array(20).fill(7);
  const view = buffer.subarray(4, 14);
  t.is(ownBytes(buffer, 0), buffer);
  t.is(ownBytes(view, 10), view);
  const copy = ownBytes(view, 9);
  t.deepEqual([...copy], [...view]);
  t.is(copy.buffer.byteLength, 10);
});
