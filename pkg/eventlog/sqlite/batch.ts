// SPDX-License-Identifier: Apache-2.0

import type { EntityKey, Position } from "../event-log.ts";

/** One transaction's operations, as the writer thread gets them: columns, not objects, and one buffer. */
export interface Batch {
  readonly kinds: readonly OperationKind[];
  readonly types: readonly string[];
  readonly ids: readonly string[];
  /** Expected position of an append or replacement, position of a snapshot. */
  readonly positions: readonly Position[];
  /** Where the bytes of each operation end in `bytes`. They start where those of the previous operation end. */
  readonly ends: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Of each operation: a record's position; `CONFLICT` if it does not follow its entity's last record; `NO_POSITION` for
 * an operation without a record.
 */
export type BatchOutcome = readonly number[];

export const CONFLICT = -1;

export type OperationKind = 0 | 1 | 2 | 3 | 4;
export const APPEND = 0;
export const SNAPSHOT = 1;
export const REPLACE = 2;
/** A reader's checkpoint. Its name is in the place of an entity's id, and the type is empty. */
export const CHECKPOINT = 3;
export const DROP_SNAPSHOT = 4;

export interface Operation {
  readonly kind: OperationKind;
  readonly entity: EntityKey;
  readonly position: Position;
  readonly bytes: Uint8Array;
}

export function packBatch(operations: readonly Operation[]): Batch {
  let size = 0;
  for (const operation of operations) size += operation.bytes.byteLength;
  const bytes = new Uint8Array(size);
  const kinds: OperationKind[] = [];
  const types: string[] = [];
  const ids: string[] = [];
  const positions: Position[] = [];
  const ends: number[] = [];
  let end = 0;
  for (const operation of operations) {
    bytes.set(operation.bytes, end);
    end += operation.bytes.byteLength;
    kinds.push(operation.kind);
    types.push(operation.entity.type);
    ids.push(operation.entity.id);
    positions.push(operation.position);
    ends.push(end);
  }
  return { kinds, types, ids, positions, ends, bytes };
}

/** Calls `visit` for each operation in order. The bytes are a view of the batch; the entity is a new object. */
export function unpackBatch(batch: Batch, visit: (operation: Operation) => void): void {
  let start = 0;
  for (const [index, kind] of batch.kinds.entries()) {
    const end = batch.ends[index] as number;
    visit({
      kind,
      entity: { type: batch.types[index] as string, id: batch.ids[index] as string },
      position: batch.positions[index] as Position,
      bytes: batch.bytes.subarray(start, end),
    });
    start = end;
  }
}
