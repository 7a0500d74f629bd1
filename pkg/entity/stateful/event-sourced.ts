// SPDX-License-Identifier: Apache-2.0

import { toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import type { EntityKey } from "../../eventlog/mod.ts";
import { NO_POSITION } from "../../eventlog/mod.ts";
import type { Commit, EventSourcedReply, EventSourcedStreamIn } from "../../protocol/mod.ts";
import {
  EventSourced,
  EventSourcedStreamInSchema,
  EventSourcedStreamOutSchema,
  readMessage,
} from "../../protocol/mod.ts";
import type { Cursor, SnapshotPoint } from "../../record/mod.ts";
import { checkEnd, ORIGIN, readCommit, readSnapshot } from "../../record/mod.ts";
import type { EntityService } from "../../userfunction/mod.ts";
import { entityKind } from "../../userfunction/mod.ts";

import { encodeCommand } from "./command-message.ts";
import type { EntityProtocol, HistoryReader, RecoveredPage } from "./entity-protocol.ts";
import type { ChangeOfReply, Dialect, StreamTexts } from "./verdict.ts";
import { judgeMessage, NO_CHANGE } from "./verdict.ts";

export const EVENT_SOURCED_TEXTS: StreamTexts = {
  reply: "Unexpected entity reply",
  failure: "Unexpected entity failure",
  message: "Unexpected entity message",
  termination: "Unexpected entity termination",
  waiting: "Entity terminated",
};

const DIALECT: Dialect<EventSourcedReply> = {
  name: EventSourcedStreamOutSchema.name,
  texts: EVENT_SOURCED_TEXTS,
  read: (bytes, maxFields) => readMessage(EventSourcedStreamOutSchema, bytes, maxFields).message,
  changeOf,
};

/** Entities whose state is the sum of their events. */
export const EVENT_SOURCED: EntityProtocol = {
  ...entityKind("event-sourced", EventSourced.typeName, "events"),
  path: `/${EventSourced.typeName}/${EventSourced.method.handle.name}`,
  texts: EVENT_SOURCED_TEXTS,
  store: "append",
  recover,
  noChange: async () => ({ kind: "events", events: [] }),
  commandMessage: (id, command) =>
    encodeCommand(EventSourcedStreamInSchema.field.command.number, id, command),
  judge: (bytes, openCommandId, maxFields, extensions) =>
    judgeMessage(DIALECT, bytes, openCommandId, maxFields, extensions),
};

/** The newest snapshot, then the events after it; without a snapshot that may be used, all events. */
async function* recover(
  log: HistoryReader,
  service: EntityService,
  key: EntityKey,
  mayUse: (snapshot: SnapshotPoint) => boolean,
): AsyncGenerator<RecoveredPage> {
  let page = await log.read(key);
  const found = page.snapshot === undefined ? undefined : readSnapshot(page.snapshot);
  const snapshot = found !== undefined && mayUse(found) ? found : undefined;
  if (found !== undefined && snapshot === undefined) page = await log.read(key, NO_POSITION);
  let cursor: Cursor = snapshot?.cursor ?? ORIGIN;
  let messages = [initMessage(service, key.id, snapshot)];
  let snapshotBytes = snapshot?.state.value.length ?? 0;
  let proxyState = snapshot?.proxyState;
  for (;;) {
    const commits: Commit[] = [];
    for (const record of page.records) {
      const read = readCommit(cursor, record);
      for (const [i, event] of read.commit.events.entries()) {
        messages.push(eventMessage(cursor.sequence + 1 + i, event));
      }
      commits.push(read.commit);
      cursor = read.cursor;
    }
    // (I6) The records that a snapshot includes must exist, even if the snapshot is not used.
    if (page.end && found !== undefined) checkEnd(found.cursor, cursor);
    const end = page.end ? cursor : undefined;
    yield { messages, snapshotBytes, proxyState, commits, records: commits.length, cursor: end };
    if (page.end) return;
    messages = [];
    snapshotBytes = 0;
    proxyState = undefined;
    page = await log.read(key, cursor.position);
  }
}

function changeOf({ events, snapshot }: EventSourcedReply): ChangeOfReply {
  if (events.length > 0) return { kind: "change", change: { kind: "events", events }, snapshot };
  if (snapshot === undefined) return NO_CHANGE;
  return { kind: "violation", text: "a snapshot is only allowed together with events" };
}

/** Opens the stream, with the snapshot if one is used. */
function initMessage(service: EntityService, entityId: string, snapshot?: SnapshotPoint): Uint8Array {
  return encode({
    case: "init",
    value: {
      $typeName: "cloudstate.eventsourced.EventSourcedInit",
      serviceName: service.desc.typeName,
      entityId,
      ...(snapshot !== undefined && {
        snapshot: {
          $typeName: "cloudstate.eventsourced.EventSourcedSnapshot",
          snapshotSequence: BigInt(snapshot.cursor.sequence),
          snapshot: snapshot.state,
        },
      }),
    },
  });
}

function eventMessage(sequence: number, payload: Any): Uint8Array {
  return encode({
    case: "event",
    value: { $typeName: "cloudstate.eventsourced.EventSourcedEvent", sequence: BigInt(sequence), payload },
  });
}

function encode(message: EventSourcedStreamIn["message"]): Uint8Array {
  return toBinary(EventSourcedStreamInSchema, {
    $typeName: "cloudstate.eventsourced.EventSourcedStreamIn",
    message,
  });
}
