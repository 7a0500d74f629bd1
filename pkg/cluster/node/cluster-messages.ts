// SPDX-License-Identifier: Apache-2.0

import type { PeerId } from "../placement.ts";
import type { MemberInfo } from "./member.ts";
import type { Entry } from "./owners.ts";

/** What happens to a node. */
export type ClusterInput =
  /** Time has passed. */
  | { readonly kind: "tick" }
  /** The answers to `join`, `renew` and `look-up` of the member with this id. */
  | { readonly kind: "stored"; readonly id: PeerId; readonly revision: number }
  | { readonly kind: "refused"; readonly id: PeerId }
  | { readonly kind: "found"; readonly id: PeerId; readonly revision: number | undefined }
  /** The answer to `leave`. */
  | { readonly kind: "removed"; readonly id: PeerId }
  /** The proxy stops: it gives its shards to others, and then leaves. */
  | { readonly kind: "leave" }
  /** The proxy gives its shards to others for a while, and stays a member; then it takes its part again. */
  | { readonly kind: "stand-aside" | "come-back" }
  /** The bucket's watch shows a key of a member. */
  | {
      readonly kind: "member-seen";
      readonly id: PeerId;
      readonly info: MemberInfo;
      readonly revision: number;
    }
  /** The watch shows that it is gone, or an eviction found it gone: then there is no revision. */
  | { readonly kind: "member-gone"; readonly id: PeerId; readonly revision: number | undefined }
  | { readonly kind: "evict-refused"; readonly id: PeerId }
  /** The watch has shown all keys that there are, up to this revision: those of these members, and no others. */
  | { readonly kind: "listed"; readonly members: ReadonlySet<PeerId>; readonly revision: number }
  /** What the watch shows, a write stored, or a read found. Without entries: the key is not there. */
  | {
      readonly kind: "segment-seen";
      readonly segment: number;
      readonly revision: number;
      readonly entries: readonly Entry[] | undefined;
      readonly isWatched: boolean;
    }
  | { readonly kind: "segment-refused"; readonly segment: number }
  /** A heartbeat of another member, or an answer to a ping. */
  | { readonly kind: "heard"; readonly id: PeerId }
  /** A ping or a command sent to another member found no responder. */
  | { readonly kind: "no-responder"; readonly id: PeerId; readonly isReconnecting?: boolean }
  | { readonly kind: "packed"; readonly shard: number; readonly epoch: number }
  /** The bucket is another one than before. */
  | { readonly kind: "reset" };

/** What a node wants to be done. */
export type ClusterEffect =
  /** Create the key, or replace it if it has this revision. */
  | { readonly kind: "join"; readonly id: PeerId; readonly info: MemberInfo }
  | { readonly kind: "renew"; readonly id: PeerId; readonly revision: number; readonly info: MemberInfo }
  /** Read the revision of the key. */
  | { readonly kind: "look-up"; readonly id: PeerId }
  /** Delete the key of this member, which nobody else writes. Likely it has this revision; 0: it may not be there. */
  | { readonly kind: "leave"; readonly id: PeerId; readonly revision: number }
  /** Delete the key if it has this revision. If it is not there, the answer is `member-gone`. */
  | { readonly kind: "evict"; readonly id: PeerId; readonly revision: number }
  /** This proxy is no member any more: its answers will be `over`. */
  | { readonly kind: "fence"; readonly id: PeerId }
  | {
      readonly kind: "write-segment";
      readonly segment: number;
      readonly expected: number;
      readonly entries: readonly Entry[];
    }
  | { readonly kind: "read-segment"; readonly segment: number }
  | { readonly kind: "heartbeat"; readonly id: PeerId }
  /** Hear the heartbeats of these members from now on, and of no others. */
  | { readonly kind: "listen"; readonly ids: readonly PeerId[] }
  | { readonly kind: "ping"; readonly id: PeerId }
  /** To the host of the entities: serve, pack or throw away those of a shard (`tenure.ts`). */
  | { readonly kind: "take" | "pack" | "drop"; readonly shard: number; readonly epoch: number }
  /** Commands that wait for a shard ask again where they go, and answers that wait ask again whether they may leave. */
  | { readonly kind: "wake" }
  /** A lease was renewed: answers that wait for one may leave. Nothing else has changed. */
  | { readonly kind: "lease" };
