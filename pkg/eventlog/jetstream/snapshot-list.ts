// SPDX-License-Identifier: Apache-2.0

import type { NatsConnection } from "@nats-io/transport-node";

import type { StoredSnapshot } from "../event-log.ts";
import { EventLogError } from "../event-log.ts";
import type { RawMessage } from "./answers.ts";
import { lastMessages } from "./ids.ts";
import type { Layout } from "./layout.ts";
import { isCheckpoint } from "./layout.ts";
import type { JetStreamLogOptions } from "./options.ts";
import { decodePack } from "./pack.ts";
import type { Reader } from "./reader.ts";
import { decodeStored } from "./stored.ts";
import { fromToken, idTokenOf, typeTokenOf } from "./subjects.ts";

/**
 * The snapshots of one type, or of all. Each message is requested by itself, so a million take minutes; enough for
 * people who list them. A damaged snapshot counts as none, with a warning. @throws EventLogError
 */
export async function* listSnapshots(
  connection: NatsConnection,
  layout: Layout,
  reader: Reader,
  options: JetStreamLogOptions,
  type: string | undefined,
): AsyncGenerator<StoredSnapshot> {
  for (let number = 0; number < layout.streams; number++) {
    const source = layout.snapshotsOfType(type, number);
    const until = await reader.horizon(source);
    for await (const page of lastMessages(connection, source, until, options)) {
      for (const { subject } of page) {
        if (isCheckpoint(subject)) continue;
        const found = await reader.lastRaw({ stream: source.stream, subject });
        const snapshot = found === undefined ? undefined : snapshotIn(found, options);
        if (snapshot !== undefined) yield snapshot;
      }
    }
  }
}

/** Undefined if the pack has records only, or is damaged. */
function snapshotIn(
  { data, ...origin }: RawMessage,
  { telemetry }: JetStreamLogOptions,
): StoredSnapshot | undefined {
  try {
    const { key, bytes } = decodeStored(data, origin);
    const { snapshot } = decodePack(bytes);
    if (snapshot === undefined) return undefined;
    const { subject } = origin;
    const entity = key ?? {
      type: fromToken(typeTokenOf(subject)) ?? "",
      id: fromToken(idTokenOf(subject)) ?? "",
    };
    return { entity, ...snapshot };
  } catch (thrown) {
    if (!(thrown instanceof EventLogError) || thrown.code !== "LOG_CORRUPT") throw thrown;
    telemetry.logger.warn("event log: a snapshot is damaged, it counts as none", { error: thrown });
    return undefined;
  }
}
