// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";

import type { MemberInfo } from "../node/member.ts";
import type { Entry } from "../node/owners.ts";

/**
 * Bounds of what is read from a key, so that a damaged one costs nothing (I11, I12). An id is longer than a pod's name.
 */
const MAX_NAME_LENGTH = 300;
const MAX_LEASE_MS = 60_000;

/** The value of a member's key, as JSON. */
export function encodeMember(info: MemberInfo): Uint8Array {
  return Buffer.from(JSON.stringify(info));
}

/** Undefined if it is no such value. What a newer version added is ignored. */
export function decodeMember(bytes: Uint8Array): MemberInfo | undefined {
  const value = parse(bytes);
  if (value === undefined) return undefined;
  // Older versions do not know the longest lease, and all have the same.
  const { pod, revision, share, leaseMs, longestLeaseMs = leaseMs, isLeaving, seenRevision } = value;
  const isRight =
    isName(pod) &&
    isText(revision) &&
    isNumber(share, Number.MAX_SAFE_INTEGER) &&
    isNumber(leaseMs, MAX_LEASE_MS) &&
    isNumber(longestLeaseMs, MAX_LEASE_MS) &&
    typeof isLeaving === "boolean" &&
    isNumber(seenRevision, Number.MAX_SAFE_INTEGER);
  return isRight ? { pod, revision, share, leaseMs, longestLeaseMs, isLeaving, seenRevision } : undefined;
}

/** The value of a segment's key: its owners, and for each shard its epoch and the place of its owner. */
interface SegmentValue {
  readonly owners: readonly (readonly [id: string, leaseMs: number])[];
  /** -1: lost. */
  readonly epochs: readonly number[];
  /** -1: free. */
  readonly ownedBy: readonly number[];
}

const NONE = -1;

export function encodeSegment(entries: readonly Entry[]): Uint8Array {
  const places = new Map<string, number>();
  const owners: [string, number][] = [];
  const placeOf = (entry: Entry): number => {
    if (entry.kind !== "owned") return NONE;
    const { owner, leaseMs } = entry;
    const key = `${leaseMs} ${owner}`;
    const known = places.get(key);
    if (known !== undefined) return known;
    places.set(key, owners.length);
    return owners.push([owner, leaseMs]) - 1;
  };
  const ownedBy = entries.map(placeOf);
  const epochs = entries.map((entry) => (entry.kind === "lost" ? NONE : entry.epoch));
  const value: SegmentValue = { owners, epochs, ownedBy };
  return Buffer.from(JSON.stringify(value));
}

/** Undefined if it is no value for so many shards. */
export function decodeSegment(bytes: Uint8Array, size: number): readonly Entry[] | undefined {
  const { owners, epochs, ownedBy } = parse(bytes) ?? {};
  if (!Array.isArray(owners) || !Array.isArray(epochs) || !Array.isArray(ownedBy)) return undefined;
  if (epochs.length !== size || ownedBy.length !== size) return undefined;
  const entries = epochs.map((epoch: unknown, index) => entryOf(epoch, ownedBy[index], owners));
  return entries.every((entry) => entry !== undefined) ? entries : undefined;
}

function entryOf(epoch: unknown, place: unknown, owners: readonly unknown[]): Entry | undefined {
  if (epoch === NONE) return place === NONE ? { kind: "lost" } : undefined;
  if (!isNumber(epoch, Number.MAX_SAFE_INTEGER)) return undefined;
  if (place === NONE) return { kind: "free", epoch };
  const owner: unknown = typeof place === "number" ? owners[place] : undefined;
  if (!Array.isArray(owner)) return undefined;
  const [id, leaseMs] = owner as readonly unknown[];
  return isName(id) && isNumber(leaseMs, MAX_LEASE_MS)
    ? { kind: "owned", epoch, owner: id, leaseMs }
    : undefined;
}

function parse(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isName(value: unknown): value is string {
  return isText(value) && value.length > 0;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_NAME_LENGTH;
}

function isNumber(value: unknown, most: number): value is number {
  return typeof value === "number" && value >= 0 && value <= most;
}
