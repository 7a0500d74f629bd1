// SPDX-License-Identifier: Apache-2.0

import type { EntityKey, Position } from "../event-log.ts";
import { EventLogError } from "../event-log.ts";
import { nameOf } from "../limits.ts";
import type { Source } from "./layout.ts";
import type { StoredMessage } from "./reader.ts";
import { RECOVERY } from "./stored.ts";

/**
 * The server stores each record with the sequence that its fence named (the back pointer): that of the entity's record
 * before it. So the record after one that was lost shows it, whatever the reason. Replaced records are not missed.
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

export function recordUnreadable(entity: EntityKey, stream: string, sequence: Position): EventLogError {
  return corrupt(entity, stream, sequence, "the server cannot read the record; it has changed on its disk");
}

/** The error for a snapshot or pack that covers records which the stream does not have. */
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

export function locationOf(stream: string, sequence: Position): string {
  return `stream ${stream}, sequence ${sequence}`;
}
