// SPDX-License-Identifier: Apache-2.0

import type { CallContext } from "../call/mod.ts";
import type { EntityMethod } from "../userfunction/mod.ts";

import type { Lineage } from "./lineage.ts";

/** A command whose entity is known. */
export interface EntityCommand {
  readonly method: EntityMethod;
  readonly entityId: string;
  /** The shard of the entity (`shardOf`). */
  readonly shard: number;
  /** The serialized input message. */
  readonly payload: Uint8Array;
  /** How many commands led here from a caller's command, and how many may still follow. */
  readonly lineage: Lineage;
  /** The size of the answer is charged to its `bytes` before anything is stored. */
  readonly call: CallContext;
}
