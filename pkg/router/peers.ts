// SPDX-License-Identifier: Apache-2.0

import type { CallContext } from "../call/mod.ts";
import type { PeerId } from "../cluster/mod.ts";
import type { Lineage, NoReplyOutcome, ReplyOutcome } from "../entity/mod.ts";
import { Status } from "../grpc/mod.ts";

import { routerError } from "./router-error.ts";

/** A command for an entity, as it goes to the proxy that owns the entity's shard. Bytes alone travel (ADR 24). */
export interface WireCommand {
  /** Full name of the service. */
  readonly service: string;
  /** Name of the method, as `AddItem`. */
  readonly method: string;
  /** The serialized input message. It holds the entity's key. */
  readonly payload: Uint8Array;
  readonly lineage: Lineage;
  /** How often it has been sent from one proxy to another, this time included. */
  readonly hops: number;
}

/** What the owner gives: it has settled the outcome, so there are no forwards and no side effects left. */
export type Settlement = ReplyOutcome | NoReplyOutcome;

/** The other proxies: `call` asks one of them; the owner's side is `Router.fromPeer`. */
export interface Peers {
  /**
   * @param call travels with the command: metadata, idempotency key, time left, trace and cancellation.
   * @throws StatusError: what the owner refused it with, or that the peer cannot be reached.
   */
  call(peer: PeerId, command: WireCommand, call: CallContext): Promise<Settlement>;
}

/** The peers of a proxy that is alone. */
export const NO_PEERS: Peers = {
  call: async (peer) => {
    const text = `this proxy is alone, and knows no peer ${peer}`;
    throw routerError(Status.INTERNAL, "INTERNAL", text);
  },
};
