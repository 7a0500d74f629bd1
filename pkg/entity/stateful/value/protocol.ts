// SPDX-License-Identifier: Apache-2.0

import type { EntityKey, EventLog } from "../../../eventlog/mod.ts";
import type { ValueEntityReply } from "../../../protocol/mod.ts";
import { readMessage, ValueEntity, ValueEntityStreamOutSchema } from "../../../protocol/mod.ts";
import type { Change, ValuePoint } from "../../../record/mod.ts";
import { NO_VALUE, readValue } from "../../../record/mod.ts";
import type { EntityService } from "../../../userfunction/mod.ts";
import { entityKind } from "../../../userfunction/mod.ts";

import type { EntityProtocol, HistoryReader, RecoveredPage } from "../entity-protocol.ts";
import { VALUE_TEXTS } from "../stream-texts.ts";
import type { ChangeOfReply, Dialect } from "../verdict.ts";
import { judgeMessage, NO_CHANGE } from "../verdict.ts";
import { commandMessage, initMessage } from "./messages.ts";

const DIALECT: Dialect<ValueEntityReply> = {
  name: ValueEntityStreamOutSchema.name,
  texts: VALUE_TEXTS,
  read: (bytes, maxFields) => readMessage(ValueEntityStreamOutSchema, bytes, maxFields).message,
  changeOf,
};

/** Entities whose state is one value, replaced as a whole. */
export const VALUE: EntityProtocol = {
  ...entityKind("value", ValueEntity.typeName, "value"),
  path: `/${ValueEntity.typeName}/${ValueEntity.method.handle.name}`,
  texts: VALUE_TEXTS,
  store: "replace",
  recover,
  noChange,
  commandMessage,
  judge: (bytes, openCommandId, maxFields, extensions) =>
    judgeMessage(DIALECT, bytes, openCommandId, maxFields, extensions),
};

async function* recover(
  log: HistoryReader,
  service: EntityService,
  key: EntityKey,
): AsyncGenerator<RecoveredPage> {
  const { value, commit, cursor } = await lastOf(log, key);
  const commits = commit === undefined ? [] : [commit];
  const messages = [initMessage(service, key.id, value)];
  yield { messages, snapshotBytes: 0, proxyState: commit?.proxyState, commits, records: 0, cursor };
}

/**
 * Reads the current value, to be stored again. It comes from the log because the proxy keeps no value in memory. If
 * another writer replaces it meanwhile, the log refuses the append (I3).
 */
async function noChange(log: EventLog, key: EntityKey): Promise<Change> {
  return { kind: "value", value: (await lastOf(log, key)).value };
}

async function lastOf(log: HistoryReader, key: EntityKey): Promise<ValuePoint> {
  const record = await log.readLast(key);
  return record === undefined ? NO_VALUE : readValue(record);
}

function changeOf({ stateAction }: ValueEntityReply): ChangeOfReply {
  if (stateAction === undefined) return NO_CHANGE;
  const { action } = stateAction;
  switch (action.case) {
    case "update": {
      const { value } = action.value;
      if (value === undefined) return { kind: "violation", text: "an update needs a value" };
      return { kind: "change", change: { kind: "value", value }, snapshot: undefined };
    }
    case "delete":
      return { kind: "change", change: { kind: "value", value: undefined }, snapshot: undefined };
    case undefined:
      return { kind: "violation", text: "a state action is an update or a delete" };
  }
}
