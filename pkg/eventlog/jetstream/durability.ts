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

/**
 * What to do if nothing shows that the servers sync. A person chooses, because what an acknowledgement means must not
 * become weaker unsaid. Each setting is named as in a cluster and as on a command line.
 */
const CHOICE =
  "Choose one of two settings. If the servers sync each write (sync_interval: always in the jetstream block of their " +
  'configuration), say so: log-servers-sync: "true" in config-perdure, or PERDURE_LOG_SERVERS_SYNC=true. If a power ' +
  "failure may take the last two minutes of what was acknowledged, say that: the annotation " +
  "perdure.dev/durability=relaxed, durability: relaxed in config-perdure, or PERDURE_LOG_DURABILITY=relaxed";

const STRICT = "durability is strict, as it is unless something else is said";

/** @throws EventLogError `LOG_UNUSABLE` if durability has to be strict and nothing shows that it is. */
export function checkDurability(
  server: string,
  greeting: { readonly cluster?: string } | undefined,
  settings: StreamSettings,
): void {
  if (!needsTag(settings) || greeting?.cluster !== undefined) return;
  const text = `${server}: ${STRICT}, and a server without a cluster does not tell whether it syncs each write. ${CHOICE}`;
  throw new EventLogError("LOG_UNUSABLE", text);
}

/**
 * Refuses streams that were made with other settings, such as when durability was relaxed.
 *
 * @throws EventLogError `LOG_UNUSABLE` that names a stream and the settings to choose between.
 */
export function checkPlacement(settings: StreamSettings, streams: readonly StreamConfig[]): void {
  if (!needsTag(settings)) return;
  const [first, ...others] = streams.filter(({ placement }) => placement?.tags?.includes(SYNC_TAG) !== true);
  if (first === undefined) return;
  const which = others.length === 0 ? first.name : `${first.name} (and ${others.length} more)`;
  const text =
    `${STRICT}, and the stream ${which} was made without the tag ${SYNC_TAG}, so nothing shows that its servers sync ` +
    `each write; the state is as it was. ${CHOICE}. A cluster with servers that have the tag can move each stream ` +
    `there instead: nats stream edit ${first.name} --tag ${SYNC_TAG}`;
  throw new EventLogError("LOG_UNUSABLE", text);
}

/** For streams that no server takes, because not enough have the tag. They may be about to start. */
export function tooFewTagged({ replicas }: StreamSettings, stream: string, cause: unknown): EventLogError {
  const text =
    `${STRICT}, and for the stream ${stream} there are not as many servers now as copies are asked for (${replicas}) ` +
    `with server_tags: ["${SYNC_TAG}"] beside sync_interval: always. ${CHOICE}`;
  return new EventLogError("LOG_UNAVAILABLE", text, { cause });
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
