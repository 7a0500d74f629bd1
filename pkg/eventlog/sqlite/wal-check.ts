// SPDX-License-Identifier: Apache-2.0

import { basename } from "node:path";

import { EventLogError } from "../event-log.ts";
import { RESTORE } from "./sqlite-error.ts";
import { readWal, readWalIndex, WAL_HEADER_BYTES } from "./wal-file.ts";
import type { WalContents, WalIndex } from "./wal-file.ts";

/**
 * Finds out whether a write-ahead log lost transactions that were acknowledged, before SQLite opens it. SQLite itself
 * keeps what stands before the first frame that is not sound, drops the rest, and says nothing.
 *
 * 1. The index tells how many frames were committed. It survives the end of the process, in the system's cache; after
 *    the system's own end it may be older or gone, but it never promises more than was synced.
 * 2. Without an index that fits, only the log itself tells. Frames after an unsound one may be those of the one
 *    transaction that was being written when the power failed: one end of a transaction, nothing after it. Anything
 *    more is damage.
 * 3. A transaction that was not committed may leave frames behind, so those alone are no damage where the index tells
 *    that all is there.
 *
 * What this does not find is a row of `wal-damage.test.ts` and of `docs/event-log.md`.
 */
export type WalVerdict =
  | { readonly kind: "whole" }
  | { readonly kind: "damaged"; readonly finding: string; readonly rescue: Rescue };

/** What can be kept. */
export type Rescue =
  /** Everything that was committed stands in the database file. */
  | { readonly kind: "all in the file" }
  /** What the log holds up to this frame is newer than the database file, and sound. */
  | { readonly kind: "up to"; readonly frames: number }
  | { readonly kind: "unknown" };

/** @throws EventLogError `LOG_CORRUPT` */
export function checkWal(path: string): void {
  const wal = readWal(`${path}-wal`);
  const verdict = judgeWal(wal, readWalIndex(`${path}-shm`));
  if (verdict.kind === "whole") return;
  const text = `${path}-wal: the write-ahead log is damaged: ${verdict.finding}; ${advice(path, wal, verdict.rescue)}`;
  throw new EventLogError("LOG_CORRUPT", text);
}

export function judgeWal(wal: WalContents, index: WalIndex | undefined): WalVerdict {
  const damaged = (finding: string): WalVerdict => ({
    kind: "damaged",
    finding,
    rescue: rescueOf(wal, index),
  });
  if (wal.header === "damaged") return damaged("its header makes no sense");
  if (index !== undefined && index.frames > 0) {
    if (wal.header === "absent") {
      // What is in the database file already needs no log.
      if (index.movedFrames >= index.frames) return { kind: "whole" };
      return damaged(`it is gone or empty, and held ${index.frames} pages of acknowledged appends`);
    }
    if (wal.salts === index.salts) {
      if (wal.soundFrames >= index.frames) return { kind: "whole" };
      const lost = index.frames - wal.soundFrames;
      return damaged(
        `of ${index.frames} pages of acknowledged appends the last ${lost} are cut off or changed`,
      );
    }
  }
  if (wal.laterTransactionFrames === 0) return { kind: "whole" };
  return damaged(`${wal.laterFrames} pages stand after one that was changed`);
}

function rescueOf(wal: WalContents, index: WalIndex | undefined): Rescue {
  // An index of another generation says nothing of this one.
  if (index === undefined || wal.salts !== index.salts) return { kind: "unknown" };
  if (index.movedFrames >= index.frames) return { kind: "all in the file" };
  // The pages of fewer frames would be older than those that stand in the file.
  const isNewer = wal.soundFrames >= index.movedFrames && wal.soundFrames > 0;
  return isNewer ? { kind: "up to", frames: wal.soundFrames } : { kind: "unknown" };
}

function advice(path: string, wal: WalContents, rescue: Rescue): string {
  const [log, index] = [`${basename(path)}-wal`, `${basename(path)}-shm`];
  switch (rescue.kind) {
    case "all in the file":
      return `nothing is lost: all of it stands in ${basename(path)} already; remove ${log} and ${index}`;
    case "up to": {
      const bytes = WAL_HEADER_BYTES + rescue.frames * wal.frameBytes;
      return `${RESTORE}; or go on without what is lost: truncate -s ${bytes} ${log} && rm ${index}`;
    }
    case "unknown":
      return `${RESTORE}, with its -wal and -shm`;
  }
}
