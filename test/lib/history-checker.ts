// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";

import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import type { Commit } from "../../pkg/protocol/mod.ts";
import { CommitSchema } from "../../pkg/protocol/mod.ts";

/** What callers know about one entity. Each command that was sent left a unique token in its event. */
export interface Sent {
  /** Tokens of commands that were acknowledged. Each must be stored exactly once. */
  readonly acknowledged: readonly string[];
  /** Tokens of commands without an answer: each may be stored once, or not at all. */
  readonly unacknowledged: readonly string[];
  /** Tokens of commands that were refused with the promise that nothing was stored. */
  readonly refused?: readonly string[];
  /**
   * When the commands were sent and answered. A command that was acknowledged before another was sent must be stored
   * before it.
   */
  readonly times?: ReadonlyMap<string, Span>;
}

/** From a command's sending to its answer, on any clock that rises with each of them. */
export interface Span {
  readonly sentAt: number;
  readonly answeredAt: number;
}

export interface Violation {
  readonly kind: /** An acknowledged event is not stored. */
    | "lost"
    /** An event is stored more than once. */
    | "doubled"
    /** An event is stored whose command was never sent to this entity. */
    | "foreign"
    /** An event is stored whose command was refused with the promise that nothing was. */
    | "stored though refused"
    /** An event is stored before one that was acknowledged before it was sent. */
    | "out of order"
    /** A record's first event does not follow the last event of the previous record. */
    | "gap"
    /** A record does not contain the hash of the previous one. */
    | "broken chain"
    /** A record is not a commit, or contains no event. */
    | "unreadable";
  readonly detail: string;
}

/**
 * Compares the commands that were sent to one entity with its stored records, in the log's order. It knows the format
 * of the records only from `protocol/` and shares no code with the proxy, so that it cannot share its mistakes.
 *
 * @param tokenOf returns the token of an event; undefined if there is none.
 */
export function checkHistory(
  sent: Sent,
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
  // A map keeps the order in which its keys came.
  return [...violations, ...checkTokens(stored, sent), ...checkOrder([...stored.keys()], sent)];
}

function checkTokens(
  stored: ReadonlyMap<string, number>,
  { acknowledged, unacknowledged, refused = [] }: Sent,
): Violation[] {
  const violations: Violation[] = [];
  const known = new Set([...acknowledged, ...unacknowledged, ...refused]);
  for (const token of refused)
    if (stored.has(token)) violations.push({ kind: "stored though refused", detail: token });
  for (const [token, times] of stored) {
    if (!known.has(token)) violations.push({ kind: "foreign", detail: token });
    if (times > 1) violations.push({ kind: "doubled", detail: `${token} is stored ${times} times` });
  }
  for (const token of acknowledged) if (!stored.has(token)) violations.push({ kind: "lost", detail: token });
  return violations;
}

function checkOrder(stored: readonly string[], { acknowledged, times }: Sent): Violation[] {
  if (times === undefined) return [];
  const answered = new Set(acknowledged);
  const violations: Violation[] = [];
  let earliest: { readonly token: string; readonly answeredAt: number } | undefined;
  for (const token of stored.toReversed()) {
    const span = times.get(token);
    if (span === undefined) continue;
    if (earliest !== undefined && earliest.answeredAt < span.sentAt) {
      const detail = `${token} stands before ${earliest.token}, which was acknowledged before it was sent`;
      violations.push({ kind: "out of order", detail });
    }
    if (answered.has(token) && span.answeredAt < (earliest?.answeredAt ?? Number.POSITIVE_INFINITY)) {
      earliest = { token, answeredAt: span.answeredAt };
    }
  }
  return violations;
}

/** One reading of an entity by a caller: the tokens of all its events. */
export interface Sight extends Span {
  readonly tokens: readonly string[];
}

/**
 * Finds readings that are not a prefix of what is stored, because nothing that depends on an append may leave before
 * the append is acknowledged (I1). `isCurrent`: the reader's proxy was the only writer, so it must show everything
 * that was acknowledged before.
 */
export function checkSights(
  sights: readonly Sight[],
  stored: readonly string[],
  { acknowledged, times }: Sent,
  isCurrent: boolean,
): string[] {
  const place = new Map(stored.map((token, index) => [token, index]));
  return sights.flatMap(({ tokens, sentAt }) => {
    const odd = tokens.findIndex((token, index) => token !== stored[index]);
    if (odd !== -1)
      return [`${tokens[odd]} was shown as event ${odd + 1}, where ${stored[odd] ?? "none"} is`];
    if (!isCurrent) return [];
    const hidden = acknowledged.find((token) => {
      const isBefore = (times?.get(token)?.answeredAt ?? sentAt) < sentAt;
      return isBefore && (place.get(token) ?? 0) >= tokens.length;
    });
    return hidden === undefined ? [] : [`${hidden} was acknowledged and not shown to a reader afterwards`];
  });
}

function parseCommit(bytes: Uint8Array): Commit | undefined {
  try {
    return fromBinary(CommitSchema, bytes);
  } catch {
    return undefined;
  }
}
