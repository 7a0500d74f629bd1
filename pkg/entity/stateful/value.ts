// SPDX-License-Identifier: Apache-2.0

import { toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import type { EntityKey, EventLog } from "../../eventlog/mod.ts";
import type { ValueEntityReply } from "../../protocol/mod.ts";
import {
  readMessage,
  ValueEntity,
  ValueEntityStreamInSchema,
  ValueEntityStreamOutSchema,
} from "../../protocol/mod.ts";
import type { Change, ValuePoint } from "../../record/mod.ts";
import { NO_VALUE, readValue } from "../../record/mod.ts";
import type { TraceContext } from "../../telemetry/mod.ts";
import type { EntityService } from "../../userfunction/mod.ts";
import { entityKind } from "../../userfunction/mod.ts";

import { encodeCommand } from "./command-message.ts";
import type { EntityProtocol, HistoryReader, RecoveredPage } from "./entity-protocol.ts";
import type { ChangeOfReply, Dialect, StreamTexts } from "./verdict.ts";
import { judgeMessage, NO_CHANGE } from "./verdict.ts";

export const VALUE_TEXTS: StreamTexts = {
  reply: "Unexpected Value entity reply",
  failure: "Unexpected Value entity failure",
  message: "Unexpected Value entity failure",
  termination: "Unexpected Value entity termination",
  waiting: "Value entity terminated",
};

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
  commandMessage: (id, command) => encodeCommand(ValueEntityStreamInSchema.field.command.number, id, command),
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
async function noChange(log: EventLog, key: EntityKey, trace?: TraceContext): Promise<Change> {
  return { kind: "value", value: (await lastOf(log, key, trace)).value };
}

async function lastOf(log: HistoryReader, key: EntityKey, trace?: TraceContext): Promise<ValuePoint> {
  const record = await log.readLast(key, trace);
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

/** The first message of a stream. Cloudstate's TCK expects `state`, without a `value` if nothing is stored. */
function initMessage(service: EntityService, entityId: string, value: Any | undefined): Uint8Array {
  return toBinary(ValueEntityStreamInSchema, {
    $typeName: "cloudstate.valueentity.ValueEntityStreamIn",
    message: {
      case: "init",
      value: {
        $typeName: "cloudstate.valueentity.ValueEntityInit",
        serviceName: service.desc.typeName,
        entityId,
        state: {
          $typeName: "cloudstate.valueentity.ValueEntityInitState",
          ...(value !== undefined && { value }),
        },
      },
    },
  });
}
