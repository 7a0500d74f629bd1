// SPDX-License-Identifier: Apache-2.0

import type { StreamConfig } from "@nats-io/jetstream";

import type { Durability } from "../event-log.ts";
import { EventLogError } from "../event-log.ts";
import type { StreamSettings } from "./options.ts";

/**
 * What an acknowledgement of JetStream survives depends on how many servers hold a copy, which a stream's configuration
 * shows, and on whether they sync each write (`sync_interval: always`), which no server tells. By convention those that
 * do carry this tag, and a cluster places a stream only on servers with the tags that it asks for. A server without a
 * cluster accepts any tag, so there the log relies on what the operator states.
 */
export const SYNC_TAG = "sync:always";

/** @throws EventLogError `LOG_UNUSABLE` if durability has to be strict and nothing shows that it is. */
export function checkDurability(
  server: string,
  greeting: { readonly cluster?: string } | undefined,
  settings: StreamSettings,
): void {
  if (!needsTag(settings) || greeting?.cluster !== undefined) return;
  const text =
    `${server}: strict durability is asked for, but a server without a cluster does not tell whether it syncs each ` +
    "write: set sync_interval: always in the jetstream block of its configuration, then say so with " +
    "PERDURE_LOG_SERVERS_SYNC=true; or use PERDURE_LOG_DURABILITY=relaxed";
  throw new EventLogError("LOG_UNUSABLE", text);
}

/** True if the stream's placement meets the settings. */
export function isPlacedFor(settings: StreamSettings, { placement }: StreamConfig): boolean {
  return !needsTag(settings) || (placement?.tags?.includes(SYNC_TAG) ?? false);
}

/** The durability of the weakest of the streams. */
export function durabilityOf(settings: StreamSettings, streams: readonly StreamConfig[]): Durability {
  const replicas = Math.min(...streams.map(({ num_replicas }) => num_replicas));
  if (settings.durability === "strict") return replicas > 1 ? "fsync-quorum" : "fsync-one-node";
  return replicas > 1 ? "quorum-before-fsync" : "acknowledged-before-fsync";
}

/** True if streams have to be placed on servers with the tag. */
export function needsTag({ durability, serversSync }: StreamSettings): boolean {
  return durability === "strict" && !serversSync;
}
