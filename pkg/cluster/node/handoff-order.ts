// SPDX-License-Identifier: Apache-2.0

/** What is given up and not released yet. */
export interface Handover {
  /** Whether there is any such shard. */
  readonly isUnderWay: boolean;
  /** When shards were given up last, in monotonic milliseconds; undefined: never. */
  readonly begunMs: number | undefined;
}

/**
 * How long the next segment waits at most for the one before, in which a command may be open for longer. So the last
 * segment is begun after 16 times as long, whatever the shards do.
 */
export const PATIENCE_MS = 100;

/**
 * Which shards are given up now: those of one segment, once those of the ones before are released. A shard is not
 * served from when it is given up until its next owner has it. If all were given up at once, the commands of each would
 * wait until the histories of all are packed. The shards of one segment go together, because they are released by one
 * write.
 *
 * @param due shards that are served and should be given up
 * @param placeOf where the segment of a shard is in the order. Members that give up shards at the same time should
 * begin at different segments, because only one at a time can write an entry of a segment.
 */
export function nextToGiveUp(
  due: readonly number[],
  { isUnderWay, begunMs }: Handover,
  placeOf: (shard: number) => number,
  nowMs: number,
): readonly number[] {
  if (isUnderWay && begunMs !== undefined && nowMs - begunMs < PATIENCE_MS) return [];
  const first = due.reduce((least, shard) => Math.min(least, placeOf(shard)), Number.POSITIVE_INFINITY);
  return due.filter((shard) => placeOf(shard) === first);
}
