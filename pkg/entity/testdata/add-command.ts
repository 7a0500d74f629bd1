// SPDX-License-Identifier: Apache-2.0

import type { CallContext } from "../../call/mod.ts";
import { callerlessCall } from "../../call/mod.ts";
import { EventSourced, NO_METADATA } from "../../protocol/mod.ts";

import { plenty } from "../../../test/lib/plenty.ts";
import type { EntityCommand } from "../command.ts";
import { CALLERS_LINEAGE } from "../lineage.ts";
import { ADD, counterService } from "./world.ts";

const METHOD = counterService(EventSourced.typeName).methods.get(ADD);

/** A command of a counter, without a user function behind it. */
export function addCommand(ofCall: Partial<CallContext> = {}): EntityCommand {
  if (METHOD === undefined) throw new Error("no method");
  const call = { ...callerlessCall(plenty().charge(), NO_METADATA, ""), ...ofCall };
  return { method: METHOD, entityId: "a", shard: 0, payload: Buffer.of(), lineage: CALLERS_LINEAGE, call };
}
