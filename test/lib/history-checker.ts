// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";

import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import { CommitSchema } from "../../pkg/protocol/mod.ts";
import type { Commit } from "../../pkg/protocol/mod.ts";

/** What callers know of one entity. Each command that was sent left a mark of its own in its event: its token. */
export interface Sent {
  /** Tokens of commands that were answered: each must be stored exactly once. */
  readonly acknowledged: readonly string[];
  /** Tokens of commands without an answer: each may be stored once, or not at all. */
  readonly unacknowledged: readonly string[];
}

export interface Violation {
  readonly kind: /** An acknowledged event is not stored. */
    | "lost"
    /** An event is stored more than once. */
    | "doubled"
    /** An event is stored that nobody sent to this entity. */
    | "foreign"
    /** A record's first event does not follow the last one of the record before. */
    | "gap"
    /** A record does not hold the hash of the one before. */
    | "broken chain"
    /** A record is not a commit, or holds no event. */
    | "unreadable";
  readonly detail: string;
}

/**
 * Compares what was sent to one entity with the records that are stored of it, in the log's order. It knows the format
 * of the records from `protocol/` alone and shares no code with the proxy, so that it cannot share its mistakes.
 *
 * @param tokenOf the token in an event; undefined if there is none.
 */
export function checkHistory(
  { acknowledged, unacknowledged }: Sent,
  records: readonly Uint8Array[],
  tokenOf: (event: Any) => string | undefined,
): Violation[] {
  const violations: Violation[] = [];
  const stored = new Map<string, number>();
  let previousHash = Buffer.alloc(0);
  let nextSequence = 1n;

  for (const [index, bytes] of records.entries()) {
    const commit = parseCommit(bytes);
    if (commit === undefined || commit.events.length === 0) {
      violations.push({ kind: "unreadable", detail: `record ${index}` });
      break;
    }
    if (commit.firstSequence !== nextSequence) {
      const detail = `record ${index} begins with event ${commit.firstSequence}, not ${nextSequence}`;
      violations.push({ kind: "gap", detail });
    }
    if (!previousHash.equals(commit.previousHash)) {
      violations.push({ kind: "broken chain", detail: `record ${index} does not follow the one before` });
    }
    for (const event of commit.events) {
      const token = tokenOf(event) ?? `an event of type ${event.typeUrl}`;
      stored.set(token, (stored.get(token) ?? 0) + 1);
    }
    nextSequence = commit.firstSequence + BigInt(commit.events.length);
    previousHash = createHash("sha256").update(bytes).digest();
  }
  return [...violations, ...checkTokens(stored, acknowledged, unacknowledged)];
}

function checkTokens(
  stored: ReadonlyMap<string, number>,
  acknowledged: readonly string[],
  unacknowledged: readonly string[],
): Violation[] {
  const violations: Violation[] = [];
  const known = new Set([...acknowledged, ...unacknowledged]);
  for (const [token, times] of stored) {
    if (!known.has(token)) violations.push({ kind: "foreign", detail: token });
    if (times > 1) violations.push({ kind: "doubled", detail: `${token} is stored ${times} times` });
  }
  for (const token of acknowledged) if (!stored.has(token)) violations.push({ kind: "lost", detail: token });
  return violations;
}

function parseCommit(bytes: Uint8Array): Commit | undefined {
  try {
    return fromBinary(CommitSchema, bytes);
  } catch {
    return undefined;
  }
}
