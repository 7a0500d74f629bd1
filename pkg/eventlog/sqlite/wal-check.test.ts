// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { judgeWal } from "./wal-check.ts";
import type { WalContents, WalIndex } from "./wal-file.ts";

const SALTS = "0102030405060708";
const OLDER = "0002030405060708";

/** A log of ten sound frames. */
function wal(contents: Partial<WalContents> = {}): WalContents {
  const later = { laterFrames: 0, laterTransactionFrames: 0 };
  return { header: "sound", salts: SALTS, frameBytes: 4_120, soundFrames: 10, ...later, ...contents };
}

function index(frames: number, movedFrames = 0, salts = SALTS): WalIndex {
  return { salts, frames, movedFrames };
}

const ABSENT = wal({ header: "absent", salts: "", soundFrames: 0 });

const table: readonly (readonly [string, WalContents, WalIndex | undefined, string])[] = [
  ["as many frames as were committed", wal(), index(10), "whole"],
  ["one that was committed when the index was not written yet", wal(), index(7), "whole"],
  ["(1) fewer", wal({ soundFrames: 9 }), index(10), "damaged: up to"],
  ["(1) fewer than stand in the file", wal({ soundFrames: 3 }), index(10, 5), "damaged: unknown"],
  ["(1) fewer, all in the file", wal({ soundFrames: 3 }), index(10, 10), "damaged: all in the file"],
  ["(1) none, with an empty index", ABSENT, index(0), "whole"],
  ["(1) none, all in the file", ABSENT, index(10, 10), "whole"],
  ["(1) none, not all in the file", ABSENT, index(10, 9), "damaged: unknown"],
  ["none, without an index", ABSENT, undefined, "whole"],
  [
    "(3) what a failed transaction left",
    wal({ laterFrames: 9, laterTransactionFrames: 4 }),
    index(10),
    "whole",
  ],
  ["(2) the one that was being written when the power failed", wal({ laterFrames: 9 }), undefined, "whole"],
  [
    "(2) more than that one",
    wal({ laterFrames: 9, laterTransactionFrames: 1 }),
    undefined,
    "damaged: unknown",
  ],
  ["(2) an index of before the log was begun anew", wal({ soundFrames: 2 }), index(10, 3, OLDER), "whole"],
  ["a header that makes no sense", wal({ header: "damaged", soundFrames: 0 }), undefined, "damaged: unknown"],
  ["the same, with an index", wal({ header: "damaged", salts: "" }), index(10, 10), "damaged: unknown"],
];

for (const [what, contents, known, expected] of table) {
  test(`a write-ahead log: ${what}: ${expected}`, (t) => {
    const verdict = judgeWal(contents, known);
    t.is(verdict.kind === "whole" ? "whole" : `damaged: ${verdict.rescue.kind}`, expected);
  });
}
