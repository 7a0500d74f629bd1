// SPDX-License-Identifier: Apache-2.0

import { hash } from "node:crypto";

import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Any } from "@bufbuild/protobuf/wkt";

import { CodedError } from "../base/mod.ts";
import type { LogRecord, Position } from "../eventlog/mod.ts";
import { NO_POSITION } from "../eventlog/mod.ts";
import type { Commit, KeptReply, ProxyState } from "../protocol/mod.ts";
import { CommitSchema, SnapshotSchema } from "../protocol/mod.ts";

import type { PlainCommit } from "./plain-commit.ts";
import { writePlainCommit } from "./plain-commit.ts";

/**
 * How an entity's history is written and read back. Pure; the log holds the bytes.
 *
 * 1. Everything that one command did is one record, stored as a whole or not at all: its events, or the value after
 *    it.
 * 2. The records of an entity form a chain. Each record holds the SHA-256 of the record before it. Its first event
 *    has the sequence number after the last event of that record; a value counts as one event. A record without
 *    events stores only the answer to its command, new side effects, and which side effects are done. A reader that
 *    finds anything else throws (I6), because wrong state is worse than none.
 * 3. A snapshot holds the hash of the last record that it includes, so the chain continues across it. It also holds
 *    the snapshot version that was declared by the code which made it.
 * 4. The record of a value replaces the record before it, so an entity with a value has one record.
 * 5. A snapshot, and the record of a value, hold what is still needed of the records that they stand for: replies to
 *    repeated commands, and undone side effects (`ProxyState`).
 * 6. A record shows which kind of entity wrote it. A reader of the other kind throws.
 */
export interface Cursor {
  /** Position of the entity's newest record in the log. */
  readonly position: Position;
  /** Sequence number of its newest event; the first ever is 1. */
  readonly sequence: number;
  /** SHA-256 of its newest record; empty if it has none. */
  readonly recordHash: Uint8Array;
}

const NO_BYTES = new Uint8Array(0);

export const ORIGIN: Cursor = { position: NO_POSITION, sequence: 0, recordHash: NO_BYTES };

export type HistoryErrorCode =
  /** A record or snapshot cannot be decoded, or lacks what it must hold. */
  | "HISTORY_UNREADABLE"
  /** Events are missing, or there twice. */
  | "HISTORY_GAP"
  /** A record does not follow the one before it. */
  | "HISTORY_BROKEN_CHAIN"
  /** A record is that of an entity of another kind: a service has changed its kind and kept its persistence id. */
  | "HISTORY_OF_OTHER_KIND";

/** The stored history of an entity cannot be trusted. */
export class HistoryError extends CodedError<HistoryErrorCode> {
  /** Of the record or snapshot that is wrong. */
  readonly position: Position;

  constructor(code: HistoryErrorCode, position: Position, message: string, cause?: unknown) {
    super(code, message, { cause });
    this.position = position;
  }
}

/** What a command changed, as its record holds it. */
export type Change =
  | { readonly kind: "events"; readonly events: Any[] }
  /** The whole value after it; undefined: it was deleted. */
  | { readonly kind: "value"; readonly value: Any | undefined };

/** The fields of a record that concern side effects. `trace` is that of the command, of any record. */
export type EffectFields = Pick<Commit, "sideEffects" | "firstEffect" | "effectsDone" | "lineage" | "trace">;

/** Those of a record without side effects that marks none as done. */
export const NO_EFFECT_FIELDS: EffectFields = {
  sideEffects: [],
  firstEffect: 0n,
  effectsDone: 0n,
  trace: undefined,
};

/** What a record holds besides the change. */
export interface CommitMetadata {
  /** How the command was answered, if it has an idempotency key. */
  readonly answered?: KeptReply | undefined;
  readonly effects?: EffectFields | undefined;
  /** Of a value: what is still needed of the records that it replaces, as the bytes of a `ProxyState`. */
  readonly proxyState?: Uint8Array | undefined;
}

/** Encodes the record of one command, which follows `cursor`. @param timeMs wall-clock, in milliseconds since 1970. */
export function writeCommit(
  cursor: Cursor,
  change: Change,
  timeMs: number,
  metadata: CommitMetadata = {},
): Uint8Array {
  const { answered, effects = NO_EFFECT_FIELDS, proxyState } = metadata;
  const plain: PlainCommit = {
    firstSequence: BigInt(cursor.sequence + 1),
    events: change.kind === "events" ? change.events : [],
    timeMs: BigInt(Math.trunc(timeMs)),
    previousHash: cursor.recordHash,
    valueState:
      change.kind === "value" ? { $typeName: "perdure.log.v1.ValueState", value: change.value } : undefined,
    effectsDone: effects.effectsDone,
    trace: effects.trace,
  };
  const hasEffects =
    effects.sideEffects.length > 0 || effects.firstEffect !== 0n || effects.lineage !== undefined;
  const isPlain = answered === undefined && !hasEffects;
  const bytes = isPlain ? writePlainCommit(plain) : writeFullCommit(plain, answered, effects);
  return withProxyState(bytes, CommitSchema.field.proxyState.number, proxyState);
}

function writeFullCommit(
  plain: PlainCommit,
  answered: KeptReply | undefined,
  effects: EffectFields,
): Uint8Array {
  return toBinary(CommitSchema, {
    $typeName: "perdure.log.v1.Commit",
    ...plain,
    ...effects,
    commandKey: answered?.key ?? "",
    commandHash: answered?.commandHash ?? NO_BYTES,
    reply: answered?.reply,
    forward: answered?.forward,
    refusal: answered?.refusal,
  });
}

/** Appends the field, whose bytes were encoded when each reply came (`KeptReplies`), and not again for each record. */
function withProxyState(message: Uint8Array, field: number, proxyState: Uint8Array | undefined): Uint8Array {
  if (proxyState === undefined) return message;
  return new BinaryWriter().raw(message).tag(field, WireType.LengthDelimited).bytes(proxyState).finish();
}

/** How many sequence numbers the record of a change takes. */
export function sequencesOf(change: Change): number {
  return change.kind === "events" ? change.events.length : 1;
}

/** The cursor after `record`, which follows `cursor` and takes so many sequence numbers. */
export function advance(cursor: Cursor, record: LogRecord, sequences: number): Cursor {
  const { position, bytes } = record;
  return { position, sequence: cursor.sequence + sequences, recordHash: sha256(bytes) };
}

const HASH_BYTES = 32;

/** Takes the hash from Node as text, because its bytes, outside V8's heap, would cost as much as the hash. */
function sha256(bytes: Uint8Array): Uint8Array {
  const text = hash("sha256", bytes, "binary");
  const digest = new Uint8Array(HASH_BYTES);
  for (let i = 0; i < HASH_BYTES; i++) digest[i] = text.charCodeAt(i);
  return digest;
}

/** Decodes one record, of any kind of entity, without its place in the chain. @throws HistoryError if it cannot. */
export function readRecord(record: LogRecord): Commit {
  return parse(record, "record", CommitSchema);
}

/** A record of an event sourced entity, and the cursor after it. */
export interface EventPoint {
  readonly commit: Commit;
  readonly cursor: Cursor;
}

/** @throws HistoryError if the record does not follow `cursor`, or is that of a value. */
export function readCommit(cursor: Cursor, record: LogRecord): EventPoint {
  const commit = readRecord(record);
  if (commit.valueState !== undefined) throw ofOtherKind(record, "a value", "an event sourced");
  const next = cursor.sequence + 1;
  if (Number(commit.firstSequence) !== next) {
    const text = `begins with event ${commit.firstSequence}, but event ${next} is next; events are missing or stored twice`;
    throw recordError("HISTORY_GAP", record, text);
  }
  if (Buffer.compare(commit.previousHash, cursor.recordHash) !== 0) {
    const text = `(event ${commit.firstSequence}) does not follow the one before it; one of them was changed or removed`;
    throw recordError("HISTORY_BROKEN_CHAIN", record, text);
  }
  return { commit, cursor: advance(cursor, record, commit.events.length) };
}

/** How a record's command was answered, if it had an idempotency key. */
export function answeredIn(commit: Commit): KeptReply | undefined {
  const { commandKey: key, commandHash, reply, forward, lineage, refusal } = commit;
  if (key === "") return undefined;
  return {
    $typeName: "perdure.log.v1.KeptReply",
    key,
    commandHash,
    ...(reply !== undefined && { reply }),
    ...(forward !== undefined && { forward }),
    ...(forward !== undefined && lineage !== undefined && { lineage }),
    ...(refusal !== undefined && { refusal }),
  };
}

/** @throws HistoryError if a history that ends at `end` lacks the record at `known`, which is known to be stored. */
export function checkEnd(known: Cursor, end: Cursor): void {
  if (end.position >= known.position) return;
  const text = `was stored and is gone; the history ends at position ${end.position} now`;
  throw recordError("HISTORY_GAP", known, text);
}

/** A value, undefined if there is none, and the cursor after its record. */
export interface ValuePoint {
  readonly value: Any | undefined;
  /** Its record; undefined if there never was one. */
  readonly commit: Commit | undefined;
  readonly cursor: Cursor;
}

/** An entity that has no record. */
export const NO_VALUE: ValuePoint = { value: undefined, commit: undefined, cursor: ORIGIN };

/** @throws HistoryError if the record holds no value. */
export function readValue(record: LogRecord): ValuePoint {
  const commit = readRecord(record);
  if (commit.events.length > 0) throw ofOtherKind(record, "an event sourced", "a value");
  if (commit.valueState === undefined || commit.firstSequence < 1n) {
    throw recordError("HISTORY_UNREADABLE", record, "holds no value");
  }
  const before = { ...ORIGIN, sequence: Number(commit.firstSequence) - 1 };
  return { value: commit.valueState.value, commit, cursor: advance(before, record, 1) };
}

/**
 * @param version the snapshot version that the entity's code declares
 * @param proxyState what is still needed of the records that the snapshot includes, as the bytes of a `ProxyState`
 */
export function writeSnapshot(
  cursor: Cursor,
  state: Any,
  version: string,
  timeMs: number,
  proxyState?: Uint8Array,
): Uint8Array {
  const snapshot = toBinary(SnapshotSchema, {
    $typeName: "perdure.log.v1.Snapshot",
    sequence: BigInt(cursor.sequence),
    state,
    recordHash: cursor.recordHash,
    timeMs: BigInt(Math.trunc(timeMs)),
    version,
  });
  return withProxyState(snapshot, SnapshotSchema.field.proxyState.number, proxyState);
}

/** The state in a snapshot, and the cursor after the last record that it includes. */
export interface SnapshotPoint {
  readonly state: Any;
  /** The snapshot version that was declared by the code which made it; empty if none was. */
  readonly version: string;
  /** Wall-clock time, in milliseconds since 1970. */
  readonly timeMs: number;
  /** What is still needed of the records that the snapshot includes. */
  readonly proxyState: ProxyState | undefined;
  readonly cursor: Cursor;
}

/** @throws HistoryError if it is not a snapshot. */
export function readSnapshot(record: LogRecord): SnapshotPoint {
  const { position } = record;
  const { state, sequence, recordHash, timeMs, version, proxyState } = parse(
    record,
    "snapshot",
    SnapshotSchema,
  );
  if (state === undefined || sequence < 1n) {
    const text = `the snapshot at position ${position} holds no state`;
    throw new HistoryError("HISTORY_UNREADABLE", position, text);
  }
  const cursor = { position, sequence: Number(sequence), recordHash };
  return { state, version, timeMs: Number(timeMs), proxyState, cursor };
}

function ofOtherKind(record: LogRecord, kind: string, wanted: string): HistoryError {
  const text = `is that of ${kind} entity, but the service has ${wanted} one; give it another persistence id`;
  return recordError("HISTORY_OF_OTHER_KIND", record, text);
}

/** @param text what is wrong with the record, as a predicate. */
function recordError(
  code: HistoryErrorCode,
  { position }: { position: Position },
  text: string,
): HistoryError {
  return new HistoryError(code, position, `the record at position ${position} ${text}`);
}

function parse<Desc extends DescMessage>(
  { bytes, position }: LogRecord,
  what: string,
  schema: Desc,
): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    const text = `the ${what} at position ${position} cannot be read`;
    throw new HistoryError("HISTORY_UNREADABLE", position, text, error);
  }
}
