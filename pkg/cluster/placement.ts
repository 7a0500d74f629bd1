// SPDX-License-Identifier: Apache-2.0

/** The name of a proxy that may own shards, such as the name of its pod. */
export type PeerId = string;

/** Who owns a shard: the one proxy that carries out the commands of its entities. */
export type Owner =
  /** This proxy. */
  | { readonly kind: "here" }
  /** Nobody yet, because the shard moves. The command asks again after `until`, which never rejects. */
  | { readonly kind: "moving"; readonly until: Promise<void> }
  | { readonly kind: "peer"; readonly peer: PeerId };

/**
 * Says which proxy owns a shard at this moment. The router asks before each command for an entity:
 *
 *     const owner = placement.ownerOf(shardOf("cart", "ann"));
 *     if (owner.kind === "here") return entities.dispatch(command);
 */
export interface Placement {
  /** @param shard from 0 to `SHARDS` - 1 */
  ownerOf(shard: number): Owner;
}

const HERE: Owner = { kind: "here" };

/** The placement of a proxy that is alone: it owns every shard. */
export const ALONE: Placement = { ownerOf: () => HERE };
