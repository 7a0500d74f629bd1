// SPDX-License-Identifier: Apache-2.0

import type { BinaryWriter } from "@bufbuild/protobuf/wire";
import { WireType } from "@bufbuild/protobuf/wire";

import type { Commit } from "../protocol/mod.ts";
import {
  CommitSchema,
  TraceMessageSchema,
  ValueStateSchema,
  writeAny,
  writeMessage,
} from "../protocol/mod.ts";

/** A record whose command has no idempotency key and asks for no side effects, as most have. */
export type PlainCommit = Pick<
  Commit,
  "firstSequence" | "events" | "timeMs" | "previousHash" | "valueState" | "effectsDone" | "trace"
>;

const FIELD = CommitSchema.field;
const { value: VALUE } = ValueStateSchema.field;
const { traceId: TRACE_ID, spanId: SPAN_ID } = TraceMessageSchema.field;

/** Encodes a record as `toBinary` does, but in a third of the time (`writeMessage`), because each command needs one. */
export function writePlainCommit(commit: PlainCommit): Uint8Array<ArrayBuffer> {
  const { firstSequence, events, timeMs, previousHash, valueState, effectsDone, trace } = commit;
  return writeMessage((writer) => {
    writeNumber(writer, FIELD.firstSequence.number, firstSequence);
    for (const { typeUrl, value } of events) writeAny(writer, FIELD.events.number, typeUrl, value);
    writeNumber(writer, FIELD.timeMs.number, timeMs);
    if (previousHash.length > 0)
      writer.tag(FIELD.previousHash.number, WireType.LengthDelimited).bytes(previousHash);
    if (valueState !== undefined) {
      writer.tag(FIELD.valueState.number, WireType.LengthDelimited).fork();
      const { value } = valueState;
      if (value !== undefined) writeAny(writer, VALUE.number, value.typeUrl, value.value);
      writer.join();
    }
    writeNumber(writer, FIELD.effectsDone.number, effectsDone);
    if (trace !== undefined) {
      writer.tag(FIELD.trace.number, WireType.LengthDelimited).fork();
      writer.tag(TRACE_ID.number, WireType.LengthDelimited).bytes(trace.traceId);
      writer.tag(SPAN_ID.number, WireType.LengthDelimited).bytes(trace.spanId);
      writer.join();
    }
  });
}

/** Zero is the default of a number, which is not written. */
function writeNumber(writer: BinaryWriter, field: number, value: bigint): void {
  if (value !== 0n) writer.tag(field, WireType.Varint).int64(value);
}
