// SPDX-License-Identifier: Apache-2.0

import { create, toBinary } from "@bufbuild/protobuf";
import test from "ava";
import fc from "fast-check";

import { callerlessCall } from "../../call/mod.ts";
import {
  EventSourced,
  EventSourcedStreamInSchema,
  messageTypeUrl,
  ValueEntity,
  ValueEntityStreamInSchema,
} from "../../protocol/mod.ts";

import { COUNTER_REQUEST } from "../../../test/lib/counter.ts";
import { plenty } from "../../../test/lib/plenty.ts";
import { CALLERS_LINEAGE } from "../lineage.ts";
import { ADD, counterService } from "../testdata/world.ts";
import { EVENT_SOURCED } from "./event-sourced/protocol.ts";
import { VALUE } from "./value/protocol.ts";

for (const [kind, protocol, entityType, schema] of [
  ["an event sourced entity", EVENT_SOURCED, EventSourced.typeName, EventSourcedStreamInSchema],
  ["a value entity", VALUE, ValueEntity.typeName, ValueEntityStreamInSchema],
] as const) {
  test(`a command to ${kind} has the bytes that toBinary gives it`, (t) => {
    const method = counterService(entityType).methods.get(ADD);
    if (method === undefined) return t.fail();
    const entityId = fc.string({ unit: "binary", minLength: 1, maxLength: 200 });
    const id = fc.bigInt({ min: 1n, max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(entityId, id, fc.uint8Array({ maxLength: 300 }), (entityId, id, payload) => {
        const call = callerlessCall(plenty().charge());
        const command = { method, entityId, shard: 0, payload, lineage: CALLERS_LINEAGE, call };
        const value = {
          entityId,
          id,
          name: ADD,
          payload: { typeUrl: messageTypeUrl(COUNTER_REQUEST), value: payload },
        };
        t.deepEqual(
          protocol.commandMessage(id, command),
          toBinary(schema, create(schema, { message: { case: "command", value } })),
        );
      }),
    );
  });
}
