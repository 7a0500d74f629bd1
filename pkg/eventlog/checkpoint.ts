// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";

import { assert } from "../base/mod.ts";

import type { Position } from "./event-log.ts";
import { EventLogError } from "./event-log.ts";

/** How durable logs store a checkpoint: the JSON of its positions. */
export function encodeCheckpoint(positions: readonly Position[]): Uint8Array {
  assert(positions.every(isPosition), "a position is a whole number");
  return Buffer.from(JSON.stringify(positions));
}

/** @throws EventLogError `LOG_CORRUPT` */
export function decodeCheckpoint(name: string, bytes: Uint8Array): Position[] {
  try {
    const positions: unknown = JSON.parse(Buffer.from(bytes).toString());
    if (Array.isArray(positions) && positions.every(isPosition)) return positions;
  } catch {
    // Invalid JSON is reported below, as any other invalid content.
  }
  throw new EventLogError("LOG_CORRUPT", `the checkpoint ${JSON.stringify(name)} is damaged`);
}

function isPosition(value: unknown): value is Position {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
