// SPDX-License-Identifier: Apache-2.0

import type { EntityKey, EventLog, Position } from "../../pkg/eventlog/mod.ts";
import { EventLogError, NO_POSITION } from "../../pkg/eventlog/mod.ts";

/** Ids of two entities whose records are in different partitions. */
export function idsApart(log: EventLog, type: string): readonly [string, string] {
  const ids = Array.from({ length: 50 }, (_, i) => `e${i}`);
  const idIn = (partition: number) => ids.find((id) => log.partitionOf({ type, id }) === partition);
  const [first, second] = [idIn(0), idIn(1)];
  if (first === undefined || second === undefined) throw new Error("the log has one partition only");
  return [first, second];
}

/** Appends records of 8 KB until one is refused. Returns the last position and the error. */
export async function fill(
  log: EventLog,
  entity: EntityKey,
): Promise<{ readonly position: Position; readonly error: EventLogError }> {
  let position = NO_POSITION;
  try {
    for (let i = 0; i < 100; i++) position = await log.append(entity, position, new Uint8Array(8_000));
  } catch (error) {
    if (error instanceof EventLogError) return { position, error };
    throw error;
  }
  throw new Error("the log takes everything");
}
