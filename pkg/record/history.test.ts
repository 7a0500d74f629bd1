// SPDX-License-Identifier: Apache-2.0

import { create, toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import test from "ava";
import fc from "fast-check";

import { CommitSchema } from "../protocol/mod.ts";

import type { Cursor } from "./history.ts";
import {
  advance,
  checkEnd,
  HistoryError,
  ORIGIN,
  readCommit,
  readSnapshot,
  writeCommit,
  writeSnapshot,
} from "./history.ts";

function event(text: string): Any {
  return create(AnySchema, { typeUrl: "type.googleapis.com/Event", value: Buffer.from(text) });
}

/** Records of commands with these many events each, as an entity would append them. */
function chain(sizes: readonly number[]): {
  records: { position: number; bytes: Uint8Array }[];
  cursors: Cursor[];
} {
  let cursor = ORIGIN;
  const records = [];
  const cursors = [cursor];
  for (const [i, size] of sizes.entries()) {
    const events = Array.from({ length: size }, (_, n) => event(`${i}/${n}`));
    const record = {
      position: (i + 1) * 10,
      bytes: writeCommit(cursor, { kind: "events", events }, 1_000 + i),
    };
    cursor = advance(cursor, record, size);
    records.push(record);
    cursors.push(cursor);
  }
  return { records, cursors };
}

const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 });

test("what was written is read back, with sequences that follow each other", (t) => {
  fc.assert(
    fc.property(sizes, (sizes) => {
      const { records, cursors } = chain(sizes);
      let cursor = ORIGIN;
      for (const [i, record] of records.entries()) {
        const read = readCommit(cursor, record);
        t.is(read.commit.events.length, sizes[i] ?? 0);
        t.deepEqual(read.cursor, cursors[i + 1]);
        cursor = read.cursor;
      }
      t.is(
        cursor.sequence,
        sizes.reduce((sum, size) => sum + size, 0),
      );
    }),
  );
});

test("I6: a history with a record missing is refused", (t) => {
  fc.assert(
    fc.property(sizes, fc.nat(), (sizes, pick) => {
      const { records, cursors } = chain([...sizes, 1]);
      const missing = pick % (records.length - 1);
      const error = t.throws(() => readCommit(cursors[missing]!, records[missing + 1]!), {
        instanceOf: HistoryError,
      });
      t.is(error.code, "HISTORY_GAP");
    }),
  );
});

test("I6: a record that is stored twice is refused", (t) => {
  const { records, cursors } = chain([2, 1]);
  const error = t.throws(() => readCommit(cursors[1]!, records[0]!), { instanceOf: HistoryError });
  t.is(error.code, "HISTORY_GAP");
});

test("I6: any change to a stored record is found, in it or in the next one", (t) => {
  fc.assert(
    fc.property(sizes, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (sizes, pick, at, flip) => {
      const { records } = chain([...sizes, 1]);
      // The newest record is not changed, because no later record could show the change.
      const changed = pick % (records.length - 1);
      const bytes = Uint8Array.from(records[changed]!.bytes);
      const index = at % bytes.length;
      bytes.set([(bytes[index] ?? 0) ^ flip], index);
      records[changed] = { ...records[changed]!, bytes };
      t.throws(
        () => {
          let cursor = ORIGIN;
          for (const record of records) cursor = readCommit(cursor, record).cursor;
        },
        { instanceOf: HistoryError },
      );
    }),
  );
});

test("two records of the same events in other order are told apart by the chain", (t) => {
  const other = advance(
    ORIGIN,
    { position: 10, bytes: writeCommit(ORIGIN, { kind: "events", events: [event("other")] }, 1) },
    1,
  );
  const { records } = chain([1, 1]);
  const error = t.throws(() => readCommit(other, records[1]!), { instanceOf: HistoryError });
  t.is(error.code, "HISTORY_BROKEN_CHAIN");
});

test("the chain goes on across a snapshot", (t) => {
  const { records, cursors } = chain([3, 2]);
  const bytes = writeSnapshot(cursors[1]!, event("state"), "2", 5, undefined);
  const snapshot = readSnapshot({ position: cursors[1]!.position, bytes });
  t.like(snapshot.cursor, { position: cursors[1]!.position, sequence: 3 });
  t.deepEqual(Buffer.from(snapshot.cursor.recordHash), Buffer.from(cursors[1]!.recordHash));
  t.deepEqual(Buffer.from(snapshot.state.value).toString(), "state");
  t.deepEqual(readCommit(snapshot.cursor, records[1]!).cursor, cursors[2]);
});

test("records without events take no number, and the chain goes through them", (t) => {
  const { records, cursors } = chain([0, 2, 0, 0, 1, 0]);
  let cursor = ORIGIN;
  for (const record of records) cursor = readCommit(cursor, record).cursor;
  t.deepEqual(cursor, cursors.at(-1));
  t.is(cursor.sequence, 3);
  const error = t.throws(() => readCommit(cursors[2]!, records[3]!), { instanceOf: HistoryError });
  t.is(error.code, "HISTORY_BROKEN_CHAIN");
});

test("I6: a history that ends before what is known of it is refused, one that goes on is not", (t) => {
  const { cursors } = chain([1, 0, 1]);
  for (const [i, known] of cursors.entries()) {
    for (const [j, end] of cursors.entries()) {
      if (j >= i) t.notThrows(() => checkEnd(known, end));
      else t.throws(() => checkEnd(known, end), { code: "HISTORY_GAP" });
    }
  }
});

test("garbage is refused as unreadable, with its position", (t) => {
  for (const bytes of [Buffer.from([0xff]), Buffer.from([0x12, 0x7f])]) {
    t.like(
      t.throws(() => readCommit(ORIGIN, { position: 7, bytes })),
      { code: "HISTORY_UNREADABLE" },
    );
    const error = t.throws(() => readSnapshot({ position: 7, bytes }), { instanceOf: HistoryError });
    t.is(error.code, "HISTORY_UNREADABLE");
    t.regex(error.message, /position 7/);
  }
  t.throws(() => readSnapshot({ position: 7, bytes: new Uint8Array(0) }), { message: /holds no state/ });
});

test("a newer proxy's unknown fields do not disturb reading", (t) => {
  const commit = create(CommitSchema, { firstSequence: 1n, events: [event("a")] });
  const bytes = Buffer.concat([toBinary(CommitSchema, commit), Buffer.from([0xfa, 0x3f, 0x01, 0x61])]);
  t.is(readCommit(ORIGIN, { position: 1, bytes }).commit.events.length, 1);
});
