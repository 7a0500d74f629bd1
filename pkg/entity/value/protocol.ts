// SPDX-License-Identifier: Apache-2.0

import { fromBinary } from "@bufbuild/protobuf";

import type { EntityKey, EventLog } from "../../eventlog/mod.ts";
import { ValueEntity, ValueEntityStreamOutSchema } from "../../protocol/mod.ts";
import type { ValueEntityReply } from "../../protocol/mod.ts";
import type { EntityService } from "../../userfunction/mod.ts";

import type { EntityProtocol, RecoveredPage } from "../entity-protocol.ts";
import { VALUE_TEXTS } from "../failure.ts";
import { NO_VALUE, readValue } from "../history.ts";
import { judgeMessage, NO_CHANGE } from "../verdict.ts";
import type { ChangeOfReply, Dialect } from "../verdict.ts";
import { commandMessage, initMessage } from "./messages.ts";

const DIALECT: Dialect<ValueEntityReply> = {
  name: ValueEntityStreamOutSchema.name,
  texts: VALUE_TEXTS,
  read: (bytes) => fromBinary(ValueEntityStreamOutSchema, bytes).message,
  changeOf,
};

/** Entities whose state is one value, replaced as a whole. */
export const VALUE: EntityProtocol = {
  path: `/${ValueEntity.typeName}/${ValueEntity.method.handle.name}`,
  texts: VALUE_TEXTS,
  store: "replace",
  recover,
  commandMessage,
  judge: (bytes, openCommandId) => judgeMessage(DIALECT, bytes, openCommandId),
};

async function* recover(
  log: EventLog,
  service: EntityService,
  key: EntityKey,
): AsyncGenerator<RecoveredPage> {
  const record = await log.readLast(key);
  const { value, cursor } = record === undefined ? NO_VALUE : readValue(record);
  yield { messages: [initMessage(service, key.id, value)], records: 0, cursor };
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
