// SPDX-License-Identifier: Apache-2.0

import type { BinaryWriter } from "@bufbuild/protobuf/wire";
import { WireType } from "@bufbuild/protobuf/wire";

import type { CallContext } from "../../call/mod.ts";
import type { Lineage } from "../../entity/mod.ts";
import { Status } from "../../grpc/mod.ts";
import type { PeerCommand } from "../../protocol/mod.ts";
import {
  PeerCommandSchema,
  PeerLineageSchema,
  readMessage,
  readMetadata,
  writeMessage,
  writeMetadata,
} from "../../protocol/mod.ts";
import type { TraceReader } from "../../telemetry/mod.ts";
import { writeTraceparent } from "../../telemetry/mod.ts";

import type { WireCommand } from "../peers.ts";
import { wireError } from "./wire-error.ts";

/** What goes with a command, besides the time left and the cancellation, which are no part of its bytes. */
export type TravellingCall = Pick<CallContext, "metadata" | "idempotencyKey" | "trace">;

/** The version of the messages that this proxy knows (`Command.needs_version`). */
const VERSION = 0;

/** Fields of a message that are read: many times what a command with the most metadata has (I11). */
export const MAX_FIELDS = 10_000;

const FIELD = PeerCommandSchema.field;
const LINEAGE = PeerLineageSchema.field;

/** Encodes a command as `toBinary` does, but with less memory (`writeMessage`), since each forwarded one needs it. */
export function writeCommand(
  { service, method, payload, lineage, hops }: WireCommand,
  { metadata, idempotencyKey, trace }: TravellingCall,
): Uint8Array {
  return writeMessage((writer) => {
    writeText(writer, FIELD.service.number, service);
    writeText(writer, FIELD.method.number, method);
    writer.tag(FIELD.payload.number, WireType.LengthDelimited).bytes(payload);
    if (metadata.length > 0) writeMetadata(writer, FIELD.metadata.number, metadata);
    if (idempotencyKey !== undefined) writeText(writer, FIELD.idempotencyKey.number, idempotencyKey);
    writeLineage(writer, lineage);
    writer.tag(FIELD.hops.number, WireType.Varint).uint32(hops);
    if (trace === undefined) return;
    writeText(writer, FIELD.traceparent.number, writeTraceparent(trace));
    if (trace.state !== undefined) writeText(writer, FIELD.tracestate.number, trace.state);
  });
}

function writeLineage(writer: BinaryWriter, { origin, depth, budget }: Lineage): void {
  writer.tag(FIELD.lineage.number, WireType.LengthDelimited).fork();
  if (origin !== "") writeText(writer, LINEAGE.origin.number, origin);
  writer.tag(LINEAGE.depth.number, WireType.Varint).uint32(depth);
  writer.tag(LINEAGE.budget.number, WireType.Varint).uint64(budget);
  writer.join();
}

/** Writes a field with a text. */
export function writeText(writer: BinaryWriter, field: number, text: string): void {
  writer.tag(field, WireType.LengthDelimited).string(text);
}

/**
 * Reads a command that another proxy wrote. Its payload is a view of the bytes.
 *
 * @param readTrace undefined: nobody traces.
 * @throws StatusError `PEER_VERSION`, `BAD_PEER_REQUEST`
 */
export function readCommand(
  bytes: Uint8Array,
  readTrace: TraceReader | undefined,
): { readonly command: WireCommand; readonly call: TravellingCall } {
  const message = parse(bytes);
  const { needsVersion, service, method, payload, lineage, hops, idempotencyKey } = message;
  if (needsVersion > VERSION) {
    const text =
      "the proxy that owns the entity's shard is too old for a command of a newer one; nothing was done, try again later";
    throw wireError(Status.UNAVAILABLE, "PEER_VERSION", text);
  }
  if (service === "" || method === "" || lineage === undefined) throw noCommand();
  const budget = Math.min(Number(lineage.budget), Number.MAX_SAFE_INTEGER);
  return {
    command: {
      service,
      method,
      payload,
      lineage: { origin: lineage.origin, depth: lineage.depth, budget },
      hops: Math.max(hops, 1),
    },
    call: { metadata: readMetadata(message.metadata), idempotencyKey, trace: traceOf(message, readTrace) },
  };
}

function parse(bytes: Uint8Array): PeerCommand {
  try {
    return readMessage(PeerCommandSchema, bytes, MAX_FIELDS);
  } catch (error) {
    throw noCommand(error);
  }
}

function noCommand(cause?: unknown): Error {
  const text = "what came from another proxy is no command; nothing was done";
  return wireError(Status.INTERNAL, "BAD_PEER_REQUEST", text, cause);
}

function traceOf(
  { traceparent, tracestate }: PeerCommand,
  read: TraceReader | undefined,
): CallContext["trace"] {
  if (read === undefined || traceparent === "") return undefined;
  return read({ traceparent, tracestate: tracestate === "" ? undefined : tracestate });
}
