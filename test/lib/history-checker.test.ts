// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";

import { create, toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import test from "ava";

import { CommitSchema } from "../../pkg/protocol/mod.ts";

import type { Sent } from "./history-checker.ts";
import { checkHistory, checkSights } from "./history-checker.ts";

/** Records of commits with these tokens, each commit with one event per token, in a chain without a fault. */
function records(...commits: readonly (readonly string[])[]): Uint8Array[] {
  let previousHash: Uint8Array = new Uint8Array(0);
  let sequence = 1;
  return commits.map((tokens) => {
    const bytes = commit(sequence, tokens, previousHash);
    sequence += tokens.length;
    previousHash = sha256(bytes);
    return bytes;
  });
}

function commit(firstSequence: number, tokens: readonly string[], previousHash: Uint8Array): Uint8Array {
  const events = tokens.map((token) => create(AnySchema, { typeUrl: "t/Token", value: Buffer.from(token) }));
  return toBinary(
    CommitSchema,
    create(CommitSchema, { firstSequence: BigInt(firstSequence), events, previousHash }),
  );
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

function tokenOf({ typeUrl, value }: Any): string | undefined {
  return typeUrl === "t/Token" ? Buffer.from(value).toString() : undefined;
}

function sent(acknowledged: readonly string[], unacknowledged: readonly string[] = []): Sent {
  return { acknowledged, unacknowledged };
}

function kinds(what: Sent, stored: readonly Uint8Array[]): string[] {
  return checkHistory(what, stored, tokenOf).map(({ kind }) => kind);
}

test("a whole history has no violations", (t) => {
  t.deepEqual(kinds(sent(["a", "b", "c"]), records(["a"], ["b", "c"])), []);
  t.deepEqual(kinds(sent([]), []), []);
});

test("an unacknowledged event may be stored once or not at all", (t) => {
  t.deepEqual(kinds(sent(["a"], ["b"]), records(["a"])), []);
  t.deepEqual(kinds(sent(["a"], ["b"]), records(["b"], ["a"])), []);
  t.deepEqual(kinds(sent(["a"], ["b"]), records(["b"], ["a"], ["b"])), ["doubled"]);
});

test("a lost event is found", (t) => {
  t.deepEqual(checkHistory(sent(["a", "b"]), records(["a"]), tokenOf), [{ kind: "lost", detail: "b" }]);
  t.deepEqual(kinds(sent(["a"]), []), ["lost"]);
});

test("a doubled event is found, in one record and in two", (t) => {
  t.deepEqual(kinds(sent(["a"]), records(["a"], ["a"])), ["doubled"]);
  t.deepEqual(kinds(sent(["a"]), records(["a", "a"])), ["doubled"]);
});

test("an event that nobody sent to the entity is found", (t) => {
  t.deepEqual(kinds(sent(["a"]), records(["a"], ["of another"])), ["foreign"]);
  const noToken = create(CommitSchema, { firstSequence: 1n, events: [{ typeUrl: "t/Other" }] });
  t.deepEqual(kinds(sent([]), [toBinary(CommitSchema, noToken)]), ["foreign"]);
});

test("a gap is found, at the start and between two records", (t) => {
  t.deepEqual(kinds(sent(["a"]), [commit(2, ["a"], new Uint8Array(0))]), ["gap"]);
  const first = commit(1, ["a"], new Uint8Array(0));
  t.deepEqual(kinds(sent(["a", "b"]), [first, commit(3, ["b"], sha256(first))]), ["gap"]);
  t.deepEqual(kinds(sent(["a", "b"]), [first, commit(1, ["b"], sha256(first))]), ["gap"]);
});

test("a broken chain is found: a changed record, one taken out, one put in front", (t) => {
  const [a, b, c] = records(["a"], ["b"], ["c"]) as [Uint8Array, Uint8Array, Uint8Array];
  const changed = commit(1, ["A"], new Uint8Array(0));
  t.deepEqual(kinds(sent(["A", "b", "c"]), [changed, b, c]), ["broken chain"]);
  t.deepEqual(kinds(sent(["a", "c"]), [a, c]), ["gap", "broken chain"]);
  t.deepEqual(kinds(sent(["b"]), [b]), ["gap", "broken chain"]);
});

test("a record that is no commit, or an empty one, is found", (t) => {
  t.deepEqual(kinds(sent([]), [Buffer.from("\xff\xff\xff", "latin1")]), ["unreadable"]);
  t.deepEqual(kinds(sent([]), records([])), ["unreadable"]);
});

test("an event whose command was refused for certain must not be stored", (t) => {
  const refused = { ...sent(["a"]), refused: ["b"] };
  t.deepEqual(kinds(refused, records(["a"])), []);
  t.deepEqual(kinds(refused, records(["a"], ["b"])), ["stored though refused"]);
});

test("what was acknowledged before another was sent is stored before it", (t) => {
  const span = (sentAt: number, answeredAt: number) => ({ sentAt, answeredAt });
  const times = new Map([
    ["a", span(1, 2)],
    ["b", span(3, 6)],
    ["c", span(4, 5)],
  ]);
  const all = { ...sent(["a", "b", "c"]), times };
  t.deepEqual(kinds(all, records(["a"], ["b"], ["c"])), []);
  t.deepEqual(kinds(all, records(["a"], ["c"], ["b"])), [], "b and c were under way at the same time");
  t.deepEqual(kinds(all, records(["b"], ["a"], ["c"])), ["out of order"]);
  t.deepEqual(kinds(all, records(["b"], ["c"], ["a"])), ["out of order", "out of order"]);
  const open = { ...sent(["b", "c"], ["a"]), times };
  t.deepEqual(kinds(open, records(["b"], ["a"], ["c"])), [], "without an answer it may land late");
});

test("what was shown is the beginning of what is stored", (t) => {
  const sight = (...tokens: string[]) => [{ tokens, sentAt: 1, answeredAt: 2 }];
  const find = (...tokens: string[]) => checkSights(sight(...tokens), ["a", "b"], sent(["a", "b"]), false);
  t.deepEqual(find(), []);
  t.deepEqual(find("a"), []);
  t.deepEqual(find("a", "b"), []);
  t.deepEqual(find("b"), ["b was shown as event 1, where a is"]);
  t.deepEqual(find("a", "b", "c"), ["c was shown as event 3, where none is"]);
});

test("a reader that is the only writer shows all that was acknowledged before", (t) => {
  const times = new Map([
    ["a", { sentAt: 1, answeredAt: 2 }],
    ["b", { sentAt: 3, answeredAt: 5 }],
  ]);
  const what = { ...sent(["a", "b"]), times };
  const find = (sentAt: number, ...tokens: string[]) =>
    checkSights([{ tokens, sentAt, answeredAt: 9 }], ["a", "b"], what, true);
  t.deepEqual(find(4, "a"), []);
  t.deepEqual(find(4, "a", "b"), []);
  t.deepEqual(find(6, "a"), ["b was acknowledged and not shown to a reader afterwards"]);
});
