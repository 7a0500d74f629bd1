// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { shortId, systemRandom } from "../../base/mod.ts";
import { resolveSettings } from "../../settings/mod.ts";

import type { Entry } from "../node/owners.ts";
import { MEMBER_SETTINGS } from "../settings.ts";
import { decodeMember, decodeSegment, encodeMember, encodeSegment } from "./key-codec.ts";

const NAME = fc.string({ minLength: 1, maxLength: 20 });
const ENTRY: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({ kind: fc.constant("free" as const), epoch: fc.maxSafeNat() }),
  fc.record({
    kind: fc.constant("owned" as const),
    epoch: fc.maxSafeNat(),
    owner: fc.constantFrom("a.1", "b.2", "c.3"),
    leaseMs: fc.constantFrom(500, 1_000),
  }),
  fc.constant<Entry>({ kind: "lost" }),
);
const MEMBER = fc.record({
  pod: NAME,
  revision: fc.oneof(NAME, fc.constant("")),
  share: fc.nat(100),
  leaseMs: fc.nat(2_000),
  longestLeaseMs: fc.nat(2_000),
  isLeaving: fc.boolean(),
  seenRevision: fc.maxSafeNat(),
});

test("a segment is read as it was written", (t) => {
  const property = fc.property(fc.array(ENTRY, { maxLength: 64 }), (entries) => {
    t.deepEqual(decodeSegment(encodeSegment(entries), entries.length), entries);
    t.is(decodeSegment(encodeSegment(entries), entries.length + 1), undefined);
  });
  t.notThrows(() => fc.assert(property, { seed: 16, numRuns: 300 }));
});

test("a member is read as it was written", (t) => {
  const property = fc.property(MEMBER, (info) => t.deepEqual(decodeMember(encodeMember(info)), info));
  t.notThrows(() => fc.assert(property, { seed: 16, numRuns: 300 }));
});

test("the longest name that a pod may have is read; a longer one is refused at the start", (t) => {
  const nameOf = (podName: string) => resolveSettings(MEMBER_SETTINGS, { "pod-name": podName }, {}).podName;
  const pod = nameOf("a".repeat(253));
  const [info] = fc.sample(MEMBER, { numRuns: 1, seed: 16 });
  t.is(decodeMember(encodeMember({ ...info!, pod }))?.pod, pod);
  const entry: Entry = { kind: "owned", epoch: 1, owner: `${pod}.${shortId(systemRandom)}`, leaseMs: 500 };
  t.deepEqual(decodeSegment(encodeSegment([entry]), 1), [entry]);
  const message = /^--pod-name must be at most 253 characters long/;
  t.throws(() => nameOf("a".repeat(254)), { code: "BAD_SETTING", message });
});

test("a member of an older version, which knows of no other leases, has the longest one itself", (t) => {
  const [info] = fc.sample(MEMBER, { numRuns: 1, seed: 16 });
  const { longestLeaseMs: _, ...older } = info!;
  const read = decodeMember(Buffer.from(JSON.stringify(older)));
  t.deepEqual(read, { ...older, longestLeaseMs: older.leaseMs });
});

test("I12: a value of anything else is no value", (t) => {
  const bad = ["", "{", "null", "7", "[]", "{}", '{"owners":[],"epochs":[1],"ownedBy":[0]}'];
  for (const text of [...bad, '{"owners":[[1,2]],"epochs":[1],"ownedBy":[0]}', '{"pod":"a"}']) {
    t.is(decodeSegment(Buffer.from(text), 1), undefined, text);
    t.is(decodeMember(Buffer.from(text)), undefined, text);
  }
  const property = fc.property(fc.json(), (text) => {
    decodeSegment(Buffer.from(text), 1);
    decodeMember(Buffer.from(text));
  });
  t.notThrows(() => fc.assert(property, { seed: 16, numRuns: 1_000 }));
});

test("a full segment with a hundred owners is small", (t) => {
  const entries = Array.from(
    { length: 64 },
    (_, shard): Entry => ({
      kind: "owned",
      epoch: 1_000_000,
      owner: `shopping-cart-00001-deployment-5d4f8c7b9-x${shard}.abcdefghij`,
      leaseMs: 500,
    }),
  );
  t.true(encodeSegment(entries).byteLength < 6_000);
});
