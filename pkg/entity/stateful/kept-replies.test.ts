// SPDX-License-Identifier: Apache-2.0

import { fromBinary } from "@bufbuild/protobuf";
import test from "ava";
import fc from "fast-check";

import type { EventLog } from "../../eventlog/mod.ts";
import { openMemoryLog } from "../../eventlog/mod.ts";
import type { KeptReply } from "../../protocol/mod.ts";
import { EventSourced, ProxyStateSchema, ValueEntity } from "../../protocol/mod.ts";
import type { Change, Cursor } from "../../record/mod.ts";
import { advance, answeredIn, ORIGIN, sequencesOf, writeCommit, writeSnapshot } from "../../record/mod.ts";

import { any, counterService, KEY } from "../testdata/world.ts";
import { EVENT_SOURCED } from "./event-sourced.ts";
import type { KeptReplyBounds } from "./kept-replies.ts";
import { KeptReplies } from "./kept-replies.ts";
import { VALUE } from "./value.ts";

const PLENTY = { maxKeptReplies: 100, maxKeptReplyBytes: 100_000 };

function keptReply(key: string, size = 0): KeptReply {
  return {
    $typeName: "perdure.log.v1.KeptReply",
    key,
    commandHash: Buffer.from(`hash of ${key}`),
    reply: { $typeName: "cloudstate.Reply", payload: any(`${key}${"x".repeat(size)}`) },
  };
}

/** The same of a command that was refused. */
function keptRefusal(key: string, size = 0): KeptReply {
  const description = `${key}${"x".repeat(size)}`;
  return {
    $typeName: "perdure.log.v1.KeptReply",
    key,
    commandHash: Buffer.from(`hash of ${key}`),
    refusal: { $typeName: "perdure.log.v1.Refusal", grpcStatus: 5, description },
  };
}

function keptOf(replies: readonly KeptReply[], bounds: KeptReplyBounds): KeptReplies {
  const kept = new KeptReplies(bounds);
  for (const reply of replies) kept.add(reply);
  return kept;
}

/** Keys in the order in which they would be forgotten. */
function keysOf(kept: KeptReplies): string[] {
  return fromBinary(ProxyStateSchema, kept.encode()).replies.map(({ key }) => key);
}

test("a reply is found by its key, as it was", (t) => {
  const kept = keptOf([keptReply("a"), keptReply("b", 10)], PLENTY);
  t.is(kept.find("c"), undefined);
  t.is(Buffer.from(kept.find("b")?.reply?.payload?.value ?? []).toString(), "bxxxxxxxxxx");
  t.is(Buffer.from(kept.find("a")?.commandHash ?? []).toString(), "hash of a");
  t.like(keptOf([keptRefusal("c")], PLENTY).find("c"), { refusal: { grpcStatus: 5, description: "c" } });
  t.deepEqual(keysOf(kept), ["a", "b"]);
});

test("I11: the oldest go first, by number and by bytes; the newest stays whatever its size", (t) => {
  t.deepEqual(
    keysOf(
      keptOf(
        ["a", "b", "c"].map((key) => keptReply(key)),
        { ...PLENTY, maxKeptReplies: 2 },
      ),
    ),
    ["b", "c"],
  );
  const large = keptOf([keptReply("a"), keptReply("b"), keptReply("c", 5_000)], {
    ...PLENTY,
    maxKeptReplyBytes: 1_000,
  });
  t.deepEqual(keysOf(large), ["c"]);
  large.add(keptReply("d"));
  t.deepEqual(keysOf(large), ["d"]);
});

test("I11: whatever is added, the longest end of it that fits is kept, and its bytes are counted", (t) => {
  const sizes = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1 });
  const bounds = fc.record({
    maxKeptReplies: fc.integer({ min: 1, max: 8 }),
    maxKeptReplyBytes: fc.integer({ min: 1, max: 1_500 }),
  });
  fc.assert(
    fc.property(sizes, bounds, (sizes, bounds) => {
      const replies = sizes.map((size, i) => keptReply(`k${i}`, size));
      const kept = keptOf(replies, bounds);
      let bytes = 0;
      const fitting = replies.toReversed().findIndex((reply, i) => {
        const size = keptOf([reply], PLENTY).bytes;
        if (i > 0 && (i >= bounds.maxKeptReplies || bytes + size > bounds.maxKeptReplyBytes)) return true;
        bytes += size;
        return false;
      });
      const expected = fitting === -1 ? replies : replies.slice(-fitting);
      t.deepEqual(
        keysOf(kept),
        expected.map(({ key }) => key),
      );
      t.is(kept.size, expected.length);
      t.is(kept.bytes, bytes);
    }),
  );
});

test("I11: short replies count with what they take in memory, of which their bytes are the smallest part", (t) => {
  const kept = keptOf([keptReply("a"), keptReply("b")], PLENTY);
  const added = kept.memoryBytes;
  t.true(added > 2 * 400, `${added}`);
  kept.add(keptReply("b"));
  t.is(kept.memoryBytes, added);
  for (let i = 0; i < 200; i++) kept.add(keptReply(`k${i}`));
  t.true(kept.memoryBytes > 100 * 400 && kept.memoryBytes < 100 * 1_000);
  const one = keptOf(
    Array.from({ length: 5 }, (_, i) => keptReply(`k${i}`)),
    { ...PLENTY, maxKeptReplies: 1 },
  );
  t.is(one.memoryBytes, keptOf([keptReply("k4")], PLENTY).memoryBytes);
});

test("of a key that is used again after it was forgotten, the newer reply counts", (t) => {
  // Read with larger bounds than the writer had.
  const kept = keptOf(
    [keptReply("a"), keptReply("b"), { ...keptReply("a"), commandHash: Buffer.from("new") }],
    PLENTY,
  );
  t.deepEqual(keysOf(kept), ["b", "a"]);
  t.is(Buffer.from(kept.find("a")?.commandHash ?? []).toString(), "new");
  t.is(kept.bytes, keptOf([keptReply("b")], PLENTY).bytes + keptOf([kept.find("a")!], PLENTY).bytes);
});

/** What may happen to an entity: a command with a key or without, that changes something or not; a snapshot. */
type Step = { readonly key: string | undefined; readonly changes: boolean; readonly snapshot: boolean };

const steps = fc.array(
  fc.record<Step>({
    key: fc.option(
      fc.integer({ min: 0, max: 1_000 }).map((n) => `k${n}`),
      { nil: undefined },
    ),
    changes: fc.boolean(),
    snapshot: fc.boolean(),
  }),
  { maxLength: 30 },
);
const BOUNDS = { maxKeptReplies: 5, maxKeptReplyBytes: 700 };

for (const [kind, protocol, entityType] of [
  ["event sourced", EVENT_SOURCED, EventSourced.typeName],
  ["value", VALUE, ValueEntity.typeName],
] as const) {
  test(`${kind}: what is read from the records is what was kept while they were written, wherever snapshots lie`, async (t) => {
    const isValue = protocol === VALUE;
    const service = counterService(entityType);

    async function write(
      log: EventLog,
      steps: readonly Step[],
    ): Promise<{ kept: KeptReplies; cursor: Cursor }> {
      const kept = new KeptReplies(BOUNDS);
      let cursor = ORIGIN;
      for (const [i, { key, changes, snapshot }] of steps.entries()) {
        if (key === undefined && !changes) continue;
        const answered = key === undefined ? undefined : changes ? keptReply(key, i) : keptRefusal(key, i);
        const change: Change = !changes
          ? await protocol.noChange(log, KEY)
          : isValue
            ? { kind: "value", value: any(`${i}`) }
            : { kind: "events", events: [any(`${i}`)] };
        const proxyState = isValue ? kept.encode() : undefined;
        const bytes = writeCommit(cursor, change, 1, { answered, proxyState });
        const position = await log[protocol.store](KEY, cursor.position, bytes);
        cursor = advance(cursor, { position, bytes }, sequencesOf(change));
        if (answered !== undefined) kept.add(answered);
        if (snapshot && changes && !isValue)
          await log.saveSnapshot(KEY, position, writeSnapshot(cursor, any("s"), "", 1, kept.encode()));
      }
      return { kept, cursor };
    }

    await fc.assert(
      fc.asyncProperty(steps, async (steps) => {
        const log = openMemoryLog();
        const live = await write(log, steps);
        const read = new KeptReplies(BOUNDS);
        let end: Cursor | undefined;
        for await (const { proxyState, commits, cursor } of protocol.recover(log, service, KEY, () => true)) {
          for (const reply of [
            ...(proxyState?.replies ?? []),
            ...commits.flatMap((commit) => answeredIn(commit) ?? []),
          ])
            read.add(reply);
          end = cursor;
        }
        t.deepEqual(Buffer.from(read.encode()), Buffer.from(live.kept.encode()));
        t.is(read.bytes, live.kept.bytes);
        t.is(end?.sequence, live.cursor.sequence);
        t.is(end?.position, live.cursor.position);
        await log.close();
      }),
    );
  });
}
