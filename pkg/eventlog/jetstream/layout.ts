// SPDX-License-Identifier: Apache-2.0

import { SEGMENTS, segmentOf, shardOf } from "../../base/mod.ts";

import type { EntityKey } from "../event-log.ts";
import { isHashed, toToken, typeTokenOf } from "./subjects.ts";

/** What a stream holds: events, or the newest snapshot of each entity. */
export type StreamKind = "ev" | "sn";

/** The messages of one stream that match `subject`, which may have wildcards. */
export interface Source {
  readonly stream: string;
  readonly subject: string;
}

/** Where an entity's events are stored. */
export interface EventsPlace {
  readonly events: Source;
  /** The key, if it cannot be read back from the subjects (`isHashed`). Then each message contains it. */
  readonly untoldKey: EntityKey | undefined;
}

/** Where an entity's events and snapshot are stored. */
export interface Place extends EventsPlace {
  readonly snapshot: Source;
}

export const STREAM_COUNTS: readonly number[] = [1, 2, 4, 8, 16];

/**
 * The streams and subjects of one log.
 *
 * 1. An entity has the subjects `PREFIX.ev.SEGMENT.TYPE.ID` and `PREFIX.sn.SEGMENT.TYPE.ID`; neither ever changes.
 * 2. Of M streams for events, stream k holds the segments s with s mod M = k, and is the partition k of the log.
 *    Snapshots have as many streams, laid out alike.
 */
export class Layout {
  readonly prefix: string;
  readonly streams: number;
  /** For each segment the stream, and the subject up to the type. Made once, because each append needs one. */
  readonly #events: readonly Source[];
  readonly #snapshots: readonly Source[];

  constructor(prefix: string, streams: number) {
    this.prefix = prefix;
    this.streams = streams;
    const bySegment = (kind: StreamKind): Source[] =>
      Array.from({ length: SEGMENTS }, (_, segment) => ({
        stream: this.streamOf(kind, segment % streams),
        subject: `${prefix}.${kind}.${segment}.`,
      }));
    this.#events = bySegment("ev");
    this.#snapshots = bySegment("sn");
  }

  /** The number of the streams that hold the entity. */
  numberOf(entity: EntityKey): number {
    return segmentOfEntity(entity) % this.streams;
  }

  placeOf(entity: EntityKey): Place {
    const tokens = tokensOf(entity);
    const events = sourceOf(this.#events, tokens);
    return { events, snapshot: sourceOf(this.#snapshots, tokens), untoldKey: tokens.untoldKey };
  }

  /** As `placeOf`, without the place of the snapshot, which appends do not need. */
  eventsOf(entity: EntityKey): EventsPlace {
    const tokens = tokensOf(entity);
    return { events: sourceOf(this.#events, tokens), untoldKey: tokens.untoldKey };
  }

  streamOf(kind: StreamKind, number: number): string {
    return `${this.prefix}_${kind}_${number}`;
  }

  subjectsOf(kind: StreamKind, number: number): string[] {
    const segments = Array.from({ length: SEGMENTS }, (_, segment) => segment);
    return segments
      .filter((segment) => segment % this.streams === number)
      .map((segment) => `${this.prefix}.${kind}.${segment}.*.*`);
  }

  /** Where a reader's checkpoint is stored: in a stream of snapshots, because losing it costs work only. */
  checkpoint(name: string): Source {
    const subject = `${this.prefix}.sn.0.${CHECKPOINTS}.${toToken(name)}`;
    return { stream: this.streamOf("sn", 0), subject };
  }

  /** The subject that a check of a stream of events publishes to; nothing is ever stored there. */
  check(number: number): Source {
    const subject = `${this.prefix}.ev.${number}.${CHECKS}.0`;
    return { stream: this.streamOf("ev", number), subject };
  }

  /** The snapshots of all entities in one stream, or of those of a type; among them may be checkpoints. */
  snapshotsOfType(type: string | undefined, number: number): Source {
    const token = type === undefined ? "*" : toToken(type);
    return { stream: this.streamOf("sn", number), subject: `${this.prefix}.sn.*.${token}.*` };
  }

  eventsOfType(type: string, number: number): Source {
    return { stream: this.streamOf("ev", number), subject: `${this.prefix}.ev.*.${toToken(type)}.*` };
  }
}

/** True if a subject of a snapshot stream is that of a checkpoint. */
export function isCheckpoint(subject: string): boolean {
  return typeTokenOf(subject) === CHECKPOINTS;
}

/** Tokens in the place of a type's token. `toToken` returns them for no type. */
const CHECKPOINTS = "=C";
const CHECKS = "=H";

type Tokens = ReturnType<typeof tokensOf>;

function tokensOf(entity: EntityKey) {
  const type = toToken(entity.type);
  const id = toToken(entity.id);
  const untoldKey = isHashed(type) || isHashed(id) ? entity : undefined;
  return { segment: segmentOfEntity(entity), type, id, untoldKey };
}

function sourceOf(bySegment: readonly Source[], { segment, type, id }: Tokens): Source {
  const { stream = "", subject = "" } = bySegment[segment] ?? {};
  return { stream, subject: `${subject}${type}.${id}` };
}

function segmentOfEntity({ type, id }: EntityKey): number {
  return segmentOf(shardOf(type, id));
}
