// SPDX-License-Identifier: Apache-2.0

import { WireType } from "@bufbuild/protobuf/wire";

import { onceForEach } from "../../base/mod.ts";
import { traceMetadata } from "../../call/mod.ts";
import {
  CommandMessageSchema,
  encodedText,
  encodedTypeUrl,
  messageTypeUrl,
  writeAny,
  writeMessage,
  writeMetadata,
} from "../../protocol/mod.ts";
import type { TraceContext } from "../../telemetry/mod.ts";
import { TRACEPARENT_LENGTH, writeTraceparentOver } from "../../telemetry/mod.ts";
import type { EntityMethod } from "../../userfunction/mod.ts";
import { TRACE_CONTEXT } from "../../userfunction/mod.ts";

import type { EntityCommand } from "../command.ts";

const {
  entityId: ENTITY_ID,
  id: ID,
  name: NAME,
  payload: PAYLOAD,
  metadata: METADATA,
} = CommandMessageSchema.field;

/**
 * A message of a stream that has a command in this field. Its metadata is the trace, if there is one and the user
 * function wants it. There is no other metadata, as Cloudstate gives entities none.
 */
export function encodeCommand(field: number, id: bigint, command: EntityCommand): Uint8Array {
  const { method, entityId, payload } = command;
  const { name, typeUrl } = fixedFieldsOf(method);
  const trace = traceFor(command);
  return writeMessage((writer) => {
    writer.tag(field, WireType.LengthDelimited).fork();
    writer.tag(ENTITY_ID.number, WireType.LengthDelimited).string(entityId);
    writer.tag(ID.number, WireType.Varint).int64(id).raw(name);
    writeAny(writer, PAYLOAD.number, typeUrl, payload);
    if (trace?.state !== undefined) writeMetadata(writer, METADATA.number, traceMetadata(trace));
    else if (trace !== undefined) writer.raw(parentField(trace));
    writer.join();
  });
}

function traceFor({ method, call: { trace } }: EntityCommand): TraceContext | undefined {
  return trace !== undefined && method.service.extensions.has(TRACE_CONTEXT) ? trace : undefined;
}

/** The metadata of the last trace without a state. The `traceparent` of the next one is written over it. */
const lastParent = writeMessage((writer) =>
  writeMetadata(
    writer,
    METADATA.number,
    traceMetadata({ traceId: "0".repeat(32), spanId: "0".repeat(16), isSampled: false }),
  ),
);

/** Most traces have no state, and every command has a trace then, so only the digits are written anew. */
function parentField(trace: TraceContext): Uint8Array {
  writeTraceparentOver(lastParent, lastParent.length - TRACEPARENT_LENGTH, trace);
  return lastParent;
}

/** What is the same in all commands of a method, encoded. */
const fixedFieldsOf = onceForEach(({ desc: { name, input } }: EntityMethod) => ({
  name: encodedText(NAME.number, name),
  typeUrl: encodedTypeUrl(messageTypeUrl(input.typeName)),
}));
