// SPDX-License-Identifier: Apache-2.0

import { EventLogError } from "../event-log.ts";
import type { EntityKey, Position } from "../event-log.ts";
import { nameOf } from "../limits.ts";
import type { Source } from "./layout.ts";
import type { StoredMessage } from "./reader.ts";
import { RECOVERY } from "./stored.ts";

/**
 * The server keeps with each record what its fence named: the sequence of the entity's record before it. So a record
 * that was lost from the middle of a stream is found out by the next one, whatever the reason. What a record replaced
 * is not missed.
 *
 * @throws EventLogError `LOG_CORRUPT` that names what is missing.
 */
export function checkBackPointers(
  entity: EntityKey,
  messages: readonly StoredMessage[],
  after: Position,
): void {
  let previous = after;
  for (const message of messages) {
    if (message.follows !== previous && !message.replaces) throw broken(entity, message, previous);
    previous = message.sequence;
  }
}

function broken(entity: EntityKey, message: StoredMessage, previous: Position): EventLogError {
  const { stream, sequence, follows } = message;
  const before = previous === 0 ? "nothing is" : `sequence ${previous} is`;
  if (follows !== undefined && follows > previous) {
    const text = `the record is gone; ${sequence} follows it, but ${before} the last one before that`;
    return corrupt(entity, stream, follows, text);
  }
  const told = follows === undefined ? "does not tell what it follows" : `follows sequence ${follows}`;
  return corrupt(entity, stream, sequence, `the record ${told}, but ${before} before it`);
}

/** The server has a record, the entity's last one, and cannot give it. */
export function recordUnreadable(entity: EntityKey, stream: string, sequence: Position): EventLogError {
  return corrupt(entity, stream, sequence, "the server cannot read the record; it has changed on its disk");
}

/** A snapshot, or a pack, tells of records that the stream does not have. */
export function packTooNew(
  entity: EntityKey,
  events: Source,
  last: Position,
  pack: Source & { readonly position: Position },
): EventLogError {
  const text =
    `the entity's records end here, but ${pack.stream} knows of those up to ${pack.position}: the stream has lost its ` +
    "end, or was restored from an older backup. Restore a newer one, or go on with what is left: " +
    `nats stream purge ${pack.stream} --subject ${pack.subject}`;
  return new EventLogError("LOG_CORRUPT", `${placeOf(entity, events.stream, last)}: ${text}`);
}

function corrupt(entity: EntityKey, stream: string, sequence: Position, text: string): EventLogError {
  return new EventLogError("LOG_CORRUPT", `${placeOf(entity, stream, sequence)}: ${text}. ${RECOVERY}`);
}

function placeOf(entity: EntityKey, stream: string, sequence: Position): string {
  return `${nameOf(entity)}: ${locationOf(stream, sequence)}`;
}

/** Where a record stands, for people. */
export function locationOf(stream: string, sequence: Position): string {
  return `stream ${stream}, sequence ${sequence}`;
}
