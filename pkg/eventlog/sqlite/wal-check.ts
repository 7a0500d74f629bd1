// SPDX-License-Identifier: Apache-2.0

import { basename } from "node:path";

import { EventLogError } from "../event-log.ts";
import { RESTORE } from "./sqlite-error.ts";
import type { WalContents, WalIndex } from "./wal-file.ts";
import { readWal, readWalIndex, WAL_HEADER_BYTES } from "./wal-file.ts";

/**
 * Checks, before SQLite opens a write-ahead log, whether it lost acknowledged transactions. SQLite itself keeps the
 * transactions before the first invalid frame, drops the rest, and reports nothing.
 *
 * 1. The index (`-shm`) tells how many frames were committed. It survives the end of the process, because it is in
 *    the operating system's cache. After the end of the operating system it may be older or gone, but it never counts
 *    more frames than were synced.
 * 2. Without a matching index there is only the log itself. Frames after an invalid one may belong to the one
 *    transaction that was being written when the power failed. Then they hold at most one end of a transaction, and
 *    nothing after it. Anything more is damage.
 * 3. A transaction that was not committed may leave frames in the log. They are not damage if the index shows that
 *    all committed frames are there.
 *
 * Damage that this check does not find has a row in `wal-damage.test.ts` and in `docs/event-log.md`.
 */
export type WalVerdict =
  | { readonly kind: "whole" }
  | { readonly kind: "damaged"; readonly finding: string; readonly rescue: Rescue };

/** What an operator can keep of the acknowledged records. */
export type Rescue =
  /** Everything that was committed stands in the database file. */
  | { readonly kind: "all in the file" }
  /** The log's frames up to this one are valid, and newer than the database file. */
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
      // All frames are in the database file already, so the log is not needed.
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
  // An index of another generation of the log says nothing about this one.
  if (index === undefined || wal.salts !== index.salts) return { kind: "unknown" };
  if (index.movedFrames >= index.frames) return { kind: "all in the file" };
  // Fewer frames than were moved would bring back older pages than those in the database file.
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
