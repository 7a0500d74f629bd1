// SPDX-License-Identifier: Apache-2.0

import type { JetStreamManager, StreamConfig, StreamInfo } from "@nats-io/jetstream";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";

import type { Durability } from "../event-log.ts";
import { EventLogError } from "../event-log.ts";
import { NEW_LOG_STREAMS } from "../settings.ts";
import { isApiError, NO_SUITABLE_SERVERS, STREAM_NAME_IN_USE, STREAM_NOT_FOUND } from "./api-error.ts";
import { checkPlacement, durabilityOf, needsTag, tooFewTagged } from "./durability.ts";
import type { StreamKind } from "./layout.ts";
import { Layout, STREAM_COUNTS } from "./layout.ts";
import { logError } from "./log-error.ts";
import type { JetStreamLogOptions } from "./options.ts";
import {
  checkStream,
  copyRules,
  eventRules,
  eventStream,
  snapshotRules,
  snapshotStream,
  takesAll,
} from "./stream-rules.ts";

/** What the log finds out about its streams when it is opened. */
export interface StreamFacts {
  readonly layout: Layout;
  /** True: any of several servers may answer a direct get, and one that lags behind may not have the newest message. */
  readonly replicated: boolean;
  readonly durability: Durability;
}

/** Most rounds of looking at the streams. Other processes that make streams at the same time cost a round or two. */
const MAX_LOOKS = 10;

/**
 * Makes the streams that are missing and checks those that exist. A stream that would lose events is refused.
 *
 * 1. The streams that exist tell how many a log has. Only a new log takes the number from the options.
 * 2. A log has all its streams before its first record. So a stream of events that is missing later has been lost. A
 *    stream of snapshots may be made again, because snapshots only save time.
 * 3. Several processes may do this at once, also with different options. The stream of events 0 is made first and
 *    alone, and the server makes it once.
 *
 * @throws EventLogError `LOG_UNUSABLE` with what to change, `LOG_CORRUPT` for a lost stream, `LOG_BAD_ADDRESS` for a
 * number of streams that no log can have, or what `logError` gives.
 */
export async function prepareStreams(
  connection: NatsConnection,
  prefix: string,
  options: JetStreamLogOptions,
): Promise<StreamFacts> {
  const { streams: wanted = NEW_LOG_STREAMS, requestTimeoutMs: timeout } = options;
  if (!STREAM_COUNTS.includes(wanted)) {
    const text = `streams is one of ${STREAM_COUNTS.join(", ")}, not ${wanted}`;
    throw new EventLogError("LOG_BAD_ADDRESS", text);
  }
  try {
    const manager = await jetstreamManager(connection, { timeout });
    let suspect = "";
    for (let look = 0; look < MAX_LOOKS; look++) {
      const found = await findStreams(manager, prefix);
      const layout = new Layout(prefix, streamsToldBy(found, prefix) ?? wanted);
      checkStreams(found, layout, connection.info?.version ?? "", options);
      if (options.mustExist && isNew(found)) throw noLog(prefix);
      const missing = slotsOf(layout).filter(({ kind, number }) => found[kind][number] === undefined);
      if (missing.length === 0) return factsOf(found, layout, options);
      const lost = isUsed(found) ? missing.find(({ kind }) => kind === "ev") : undefined;
      if (lost === undefined) {
        const next: readonly Slot[] = isNew(found) ? [{ kind: "ev", number: 0 }] : missing;
        await Promise.all(next.map((slot) => make(manager, slot, layout, options)));
        continue;
      }
      // Another process may have made it and written since we asked. If so, the next look finds it.
      const name = layout.streamOf(lost.kind, lost.number);
      if (name === suspect) throw streamLost(name);
      suspect = name;
    }
  } catch (thrown) {
    // Making a stream twice is harmless, so an unknown outcome counts as a failed read.
    const copies = options.replicas > 1 ? `, with ${options.replicas} copies each` : "";
    throw logError(thrown, `preparing the streams of ${prefix}${copies}`, "read");
  }
  throw new EventLogError("LOG_UNAVAILABLE", `${prefix}: others make and remove its streams all the time`);
}

/** The streams that are there, by their numbers. */
type Found = Readonly<Record<StreamKind, readonly (StreamInfo | undefined)[]>>;

interface Slot {
  readonly kind: StreamKind;
  readonly number: number;
}

function slotsOf({ streams }: Layout): Slot[] {
  const kinds: readonly StreamKind[] = ["ev", "sn"];
  return Array.from({ length: streams }, (_, number) => kinds.map((kind) => ({ kind, number }))).flat();
}

/** Looks for every stream that a log can have, whatever its number of streams. */
async function findStreams(manager: JetStreamManager, prefix: string): Promise<Found> {
  const most = new Layout(prefix, Math.max(...STREAM_COUNTS));
  const numbers = Array.from({ length: most.streams }, (_, number) => number);
  const findAll = (kind: StreamKind) =>
    Promise.all(numbers.map((number) => find(manager, most.streamOf(kind, number))));
  const [ev, sn] = await Promise.all([findAll("ev"), findAll("sn")]);
  return { ev, sn };
}

async function find(manager: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.info(name);
  } catch (thrown) {
    if (isApiError(thrown, STREAM_NOT_FOUND)) return undefined;
    throw thrown;
  }
}

/** How many streams the log was made with: the first one's subjects tell. */
function streamsToldBy(found: Found, prefix: string): number | undefined {
  const first = found.ev.findIndex((info) => info !== undefined);
  const config = found.ev[first]?.config;
  if (config === undefined) return undefined;
  return STREAM_COUNTS.find(
    (streams) => first < streams && takesAll(config, new Layout(prefix, streams).subjectsOf("ev", first)),
  );
}

function checkStreams(found: Found, layout: Layout, version: string, options: JetStreamLogOptions): void {
  const copies = copyRules(options);
  for (const { kind, number } of slotsOf(layout)) {
    const config = found[kind][number]?.config;
    const rules = kind === "ev" ? eventRules : snapshotRules;
    if (config !== undefined) checkStream(config, [...rules(layout, number, version), ...copies]);
  }
  checkPlacement(options, configsOf(found));
}

function configsOf({ ev, sn }: Found): readonly StreamConfig[] {
  return [...ev, ...sn].flatMap((info) => (info === undefined ? [] : [info.config]));
}

function isNew({ ev }: Found): boolean {
  return ev.every((info) => info === undefined);
}

function isUsed({ ev, sn }: Found): boolean {
  return [...ev, ...sn].some((info) => (info?.state.last_seq ?? 0) > 0);
}

async function make(
  manager: JetStreamManager,
  { kind, number }: Slot,
  layout: Layout,
  options: JetStreamLogOptions,
): Promise<void> {
  const wanted = (kind === "ev" ? eventStream : snapshotStream)(layout, number, options);
  try {
    await manager.streams.add(wanted);
  } catch (thrown) {
    if (isApiError(thrown, NO_SUITABLE_SERVERS) && needsTag(options))
      throw tooFewTagged(options, wanted.name, thrown);
    // Another process, with other settings, was faster.
    if (!isApiError(thrown, STREAM_NAME_IN_USE)) throw thrown;
  }
}

function factsOf(found: Found, layout: Layout, options: JetStreamLogOptions): StreamFacts {
  const { prefix, streams } = layout;
  if (options.streams !== undefined && options.streams !== streams) {
    const fields = { prefix, streams, wanted: options.streams };
    options.telemetry.logger.warn("event log: it keeps the number of streams that it was made with", fields);
  }
  const configs = configsOf(found);
  return {
    layout,
    replicated: configs.some(({ num_replicas }) => num_replicas > 1),
    durability: durabilityOf(options, configs),
  };
}

function noLog(prefix: string): EventLogError {
  const text = `there is no log ${prefix}: no stream ${prefix}_ev_0 or the like; is the prefix in the address another one?`;
  return new EventLogError("LOG_UNUSABLE", text);
}

function streamLost(name: string): EventLogError {
  const text =
    `the stream ${name} is gone, but others of the log have messages: restore it from a backup, ` +
    "or choose another prefix in the address of the log for a new one";
  return new EventLogError("LOG_CORRUPT", text);
}
