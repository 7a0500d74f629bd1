// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import { decorate } from "../../pkg/base/mod.ts";
import type { EntityKey, EventLog, Position } from "../../pkg/eventlog/mod.ts";
import { EventLogError, NO_POSITION } from "../../pkg/eventlog/mod.ts";

/** How long after its acknowledgement a record is written. */
const LIE_MS = 50;

/** How long it waits for an acknowledgement before it retries the append, and between two attempts, in milliseconds. */
const PATIENCE_MS = 100;

/** Acknowledges every append at once, with the position that it hopes for, and writes later (against I1). */
export function earlyLog(log: EventLog): EventLog {
  const written = new Map<string, Promise<Position>>();
  const append = async (entity: EntityKey, expected: Position, record: Uint8Array): Promise<Position> => {
    const key = `${entity.type}/${entity.id}`;
    const previous = written.get(key) ?? Promise.resolve(expected);
    const write = async (): Promise<Position> => {
      await delay(LIE_MS);
      return log.append(entity, await previous, record);
    };
    const writing = write();
    writing.catch(() => undefined);
    written.set(key, writing);
    return expected + 1;
  };
  const close = async (): Promise<void> => {
    await Promise.allSettled(written.values());
    await log.close();
  };
  return decorate(log, { append, saveSnapshot: async () => undefined, close });
}

/** Retries an append until it is acknowledged, each time after the current last record (against I5). */
export function blindLog(log: EventLog): EventLog {
  const append = async (entity: EntityKey, expected: Position, record: Uint8Array): Promise<Position> => {
    for (let last = expected; ; ) {
      const trying = log.append(entity, last, record);
      const position = await Promise.race([trying, delay(PATIENCE_MS)]).catch(() => undefined);
      if (typeof position === "number") return position;
      trying.catch(() => undefined);
      await delay(PATIENCE_MS);
      last = await lastPosition(log, entity).catch(() => last);
    }
  };
  return decorate(log, { append });
}

/** Stores a record behind whichever is the last, also if that is not the one that it should follow (against I3). */
export function fencelessLog(log: EventLog): EventLog {
  const append = async (entity: EntityKey, expected: Position, record: Uint8Array): Promise<Position> => {
    for (let last = expected; ; last = await lastPosition(log, entity)) {
      try {
        return await log.append(entity, last, record);
      } catch (thrown) {
        if (!isConflict(thrown)) throw thrown;
      }
    }
  };
  return decorate(log, { append });
}

/** Breaks no promise, but takes so long before it begins with an append that a pause finds many under way. */
export function slowLog(log: EventLog, lingerMs: number): EventLog {
  const append = async (entity: EntityKey, expected: Position, record: Uint8Array): Promise<Position> => {
    await delay(lingerMs);
    return log.append(entity, expected, record);
  };
  return decorate(log, { append });
}

/** Tells when the fence refuses an append. */
export function watchedLog(log: EventLog, onRefused: () => void): EventLog {
  const append = async (entity: EntityKey, expected: Position, record: Uint8Array): Promise<Position> => {
    try {
      return await log.append(entity, expected, record);
    } catch (thrown) {
      if (isConflict(thrown)) onRefused();
      throw thrown;
    }
  };
  return decorate(log, { append });
}

function isConflict(thrown: unknown): boolean {
  return thrown instanceof EventLogError && thrown.code === "APPEND_CONFLICT";
}

async function lastPosition(log: EventLog, entity: EntityKey): Promise<Position> {
  for (let last = NO_POSITION; ; ) {
    const { records, end } = await log.read(entity, last);
    last = records.at(-1)?.position ?? last;
    if (end) return last;
  }
}
