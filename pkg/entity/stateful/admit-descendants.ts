// SPDX-License-Identifier: Apache-2.0

import { Status, StatusError } from "../../grpc/mod.ts";

import type { EffectLedger } from "../effects/effect-ledger.ts";
import { bytesOf } from "../effects/effect-ledger.ts";
import type { Lineage } from "../lineage.ts";
import { descend } from "../lineage.ts";
import type { EntityContext } from "./context.ts";
import { entityError } from "./entity-error.ts";
import type { CommitVerdict } from "./verdict.ts";

/**
 * At least so many entities fit into `maxEntityBytes` with their undone side effects, which may stay in memory for
 * long. The undone side effects of one entity may take at most `maxEntityBytes` divided by this number.
 */
const MIN_BUSY_ENTITIES = 4;

/**
 * The lineage of the forwards and side effects that a command asks for: undefined if there are none, an error if they
 * are more than may follow from its caller's command, or than may wait with their entity (I11).
 */
export function admitDescendants(
  { options, random }: EntityContext,
  parent: Lineage,
  { effects, outcome }: CommitVerdict,
  ledger: EffectLedger,
  name: string,
): Lineage | StatusError | undefined {
  const count = effects.length + (outcome.kind === "forward" ? 1 : 0);
  if (count === 0) return undefined;
  const lineage = descend(parent, count, options, random);
  if (effects.length === 0 || lineage instanceof StatusError) return lineage;
  const { maxUndoneEffects, maxEntityBytes } = options;
  const maxBytes = Math.floor(maxEntityBytes / MIN_BUSY_ENTITIES);
  const isWithin =
    ledger.undone + effects.length <= maxUndoneEffects && ledger.undoneBytes + bytesOf(effects) <= maxBytes;
  if (isWithin) return lineage;
  const text = `${name} would have more than ${maxUndoneEffects} side effects that are not done, or ${maxBytes} bytes of them`;
  return entityError(Status.RESOURCE_EXHAUSTED, "TOO_MANY_EFFECTS", text);
}
