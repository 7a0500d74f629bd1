// SPDX-License-Identifier: Apache-2.0

import { create, toBinary } from "@bufbuild/protobuf";
import test from "ava";
import fc from "fast-check";

import { callerlessCall, traceMetadata } from "../../call/mod.ts";
import {
  EventSourced,
  EventSourcedStreamInSchema,
  messageTypeUrl,
  metadataMessage,
  ValueEntity,
  ValueEntityStreamInSchema,
} from "../../protocol/mod.ts";
import { TRACE_CONTEXT } from "../../userfunction/mod.ts";

import { COUNTER_REQUEST } from "../../../test/lib/counter.ts";
import { plenty } from "../../../test/lib/plenty.ts";
import { CALLERS_LINEAGE } from "../lineage.ts";
import { ADD, counterService } from "../testdata/world.ts";
import { EVENT_SOURCED } from "./event-sourced.ts";
import { VALUE } from "./value.ts";

const TRACE = { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true };
/** With and without a state, in turn, so that nothing of one command is in the next. */
const TRACES = [
  { ...TRACE, state: "c=d" },
  TRACE,
  { ...TRACE, traceId: "0123456789abcdef".repeat(2), spanId: "fedcba9876543210", hasRandomId: true },
  { ...TRACE, isSampled: false },
];

for (const [kind, protocol, entityType, schema] of [
  ["an event sourced entity", EVENT_SOURCED, EventSourced.typeName, EventSourcedStreamInSchema],
  ["a value entity", VALUE, ValueEntity.typeName, ValueEntityStreamInSchema],
] as const) {
  test(`a command to ${kind} has the bytes that toBinary gives it`, (t) => {
    const announcing = (...extensions: string[]) => counterService(entityType, extensions).methods.get(ADD);
    const [method, traced] = [announcing(), announcing(TRACE_CONTEXT)];
    if (method === undefined || traced === undefined) return t.fail();
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
        const bytes = toBinary(schema, create(schema, { message: { case: "command", value } }));
        t.deepEqual(protocol.commandMessage(id, command), bytes);
        const untraced = { ...command, method: traced };
        t.deepEqual(protocol.commandMessage(id, untraced), bytes);
        for (const trace of TRACES) {
          const unannounced = { ...command, call: { ...call, trace } };
          t.deepEqual(protocol.commandMessage(id, unannounced), bytes);
          const both = { ...unannounced, method: traced };
          const told = { ...value, metadata: metadataMessage(traceMetadata(trace)) };
          t.deepEqual(
            protocol.commandMessage(id, both),
            toBinary(schema, create(schema, { message: { case: "command", value: told } })),
          );
        }
      }),
    );
  });
}
