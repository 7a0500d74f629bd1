// SPDX-License-Identifier: Apache-2.0

/**
 * Spans as bytes of OTLP (opentelemetry-proto 1, `trace/v1/trace.proto`), byte for byte as OpenTelemetry's
 * `ProtobufTraceSerializer` writes them, zeros included. That one reads objects, which then live until a batch is sent.
 * Written at once, a span is garbage as soon as it has ended (ADR 0028).
 */

import type { AttributeValue, FixedAttributes, SpanKind, TraceContext } from "../telemetry.ts";
import { MessageWriter } from "./message-writer.ts";
import type { RecordedSpan } from "./recorded-span.ts";

/** Numbers of fields. */
const REQUEST = { resourceSpans: 1 } as const;
const RESOURCE_SPANS = { resource: 1, scopeSpans: 2 } as const;
const RESOURCE = { attributes: 1, droppedAttributes: 2 } as const;
const SCOPE_SPANS = { scope: 1, spans: 2 } as const;
const SCOPE = { name: 1, version: 2 } as const;
const SPAN = {
  traceId: 1,
  spanId: 2,
  parentSpanId: 4,
  name: 5,
  kind: 6,
  start: 7,
  end: 8,
  attributes: 9,
  droppedAttributes: 10,
  droppedEvents: 12,
  links: 13,
  droppedLinks: 14,
  status: 15,
  flags: 16,
} as const;
const LINK = { traceId: 1, spanId: 2, droppedAttributes: 5, flags: 6 } as const;
const STATUS = { message: 2, code: 3 } as const;
const KEY_VALUE = { key: 1, value: 2 } as const;
const ANY_VALUE = { text: 1, bool: 2, int: 3, double: 4 } as const;

const KINDS: Readonly<Record<SpanKind, number>> = {
  internal: 1,
  server: 2,
  client: 3,
  producer: 4,
  consumer: 5,
};

const UNSET = 0;
const ERROR = 2;

/** `SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK`, without the bit that it speaks of. */
const FLAGS = 0x100;
const SAMPLED = 1;

/** What produces spans. */
export interface SpanSource {
  readonly resource: Readonly<Record<string, unknown>>;
  /** What makes them, and its version. */
  readonly scope: { readonly name: string; readonly version: string };
}

/** Makes an `ExportTraceServiceRequest` of what `writeSpan` has written, which is copied once. */
export function requestMaker({ resource, scope }: SpanSource): (spans: Uint8Array) => Uint8Array {
  const writer = new MessageWriter();
  const ofResource = writer.begin(RESOURCE_SPANS.resource);
  for (const [name, value] of Object.entries(resource))
    writeAttribute(writer, RESOURCE.attributes, name, String(value));
  writer.number(RESOURCE.droppedAttributes, 0);
  writer.end(ofResource);
  const resourceField = writer.take();
  const ofScope = writer.begin(SCOPE_SPANS.scope);
  writer.text(SCOPE.name, scope.name);
  if (scope.version !== "") writer.text(SCOPE.version, scope.version);
  writer.end(ofScope);
  const scopeField = writer.take();
  return (spans) => {
    const scopeSize = scopeField.length + spans.length;
    writer.sized(RESOURCE_SPANS.scopeSpans, scopeSize);
    const scopeSpans = writer.take();
    writer.sized(REQUEST.resourceSpans, resourceField.length + scopeSpans.length + scopeSize);
    return Buffer.concat([writer.take(), resourceField, scopeSpans, scopeField, spans]);
  };
}

/**
 * Writes a span that has ended.
 *
 * @param offsetMs what to add to its times to get those of the wall clock
 * @throws RangeError if one of its ids is none. A part of the span has been written then.
 */
export function writeSpan(writer: MessageWriter, span: RecordedSpan, offsetMs: number): void {
  const { context, parent, link, failure, atStart, atEnd } = span;
  const start = writer.beginLong(SCOPE_SPANS.spans);
  writer.traceId(SPAN.traceId, context);
  writer.spanId(SPAN.spanId, context);
  if (parent !== undefined) writer.spanId(SPAN.parentSpanId, parent);
  writer.text(SPAN.name, span.name);
  writer.number(SPAN.kind, KINDS[span.kind]);
  writeTime(writer, SPAN.start, span.startMs + offsetMs);
  writeTime(writer, SPAN.end, span.endMs + offsetMs);
  if (atStart !== undefined) writer.raw(writtenOf(atStart));
  for (let each = span.firstAttribute; each !== undefined; each = each.next)
    writeAttribute(writer, SPAN.attributes, each.name, each.value);
  if (atEnd !== undefined) writer.raw(writtenOf(atEnd));
  const isUsual = failure === undefined && link === undefined && span.droppedAttributes === 0;
  if (isUsual && context.isSampled) writer.raw(USUAL_END);
  else writeEnd(writer, span);
  writer.endLong(start);
}

/** What is behind the attributes. */
type SpanEnd = Pick<RecordedSpan, "context" | "link" | "failure" | "droppedAttributes">;

function writeEnd(writer: MessageWriter, { context, link, failure, droppedAttributes }: SpanEnd): void {
  if (failure !== undefined) writeAttribute(writer, SPAN.attributes, "error.type", failure.type);
  writer.number(SPAN.droppedAttributes, droppedAttributes);
  writer.number(SPAN.droppedEvents, 0);
  if (link !== undefined) writeLink(writer, link);
  writer.number(SPAN.droppedLinks, 0);
  writeStatus(writer, failure?.message);
  writeFlags(writer, SPAN.flags, context);
}

/** Attributes of a span, as bytes. */
function writtenOf(attributes: FixedAttributes): Uint8Array {
  if (attributes.written !== undefined) return attributes.written;
  const writer = new MessageWriter();
  for (const [name, value] of attributes.entries) writeAttribute(writer, SPAN.attributes, name, value);
  return (attributes.written = writer.take());
}

function writeLink(writer: MessageWriter, link: TraceContext): void {
  const start = writer.begin(SPAN.links);
  writer.traceId(LINK.traceId, link);
  writer.spanId(LINK.spanId, link);
  writer.number(LINK.droppedAttributes, 0);
  writeFlags(writer, LINK.flags, link);
  writer.end(start);
}

function writeStatus(writer: MessageWriter, failure: string | undefined): void {
  const start = writer.begin(SPAN.status);
  if (failure !== undefined && failure !== "") writer.text(STATUS.message, failure);
  writer.number(STATUS.code, failure === undefined ? UNSET : ERROR);
  writer.end(start);
}

function writeFlags(writer: MessageWriter, field: number, { isSampled }: TraceContext): void {
  writer.fixed32(field, isSampled ? FLAGS | SAMPLED : FLAGS);
}

function writeAttribute(writer: MessageWriter, field: number, name: string, value: AttributeValue): void {
  const start = writer.begin(field);
  writer.text(KEY_VALUE.key, name);
  const inner = writer.begin(KEY_VALUE.value);
  if (typeof value === "string") writer.text(ANY_VALUE.text, value);
  else if (typeof value === "boolean") writer.number(ANY_VALUE.bool, value ? 1 : 0);
  else if (isInt64(value)) writer.integer(ANY_VALUE.int, value);
  else writer.double(ANY_VALUE.double, value);
  writer.end(inner);
  writer.end(start);
}

function isInt64(value: number): boolean {
  return Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63;
}

/** The end of most spans: sampled, without a failure, a link or anything left out. */
const USUAL_END = usualEnd();

function usualEnd(): Uint8Array {
  const writer = new MessageWriter();
  const context = { traceId: "", spanId: "", isSampled: true };
  writeEnd(writer, { context, link: undefined, failure: undefined, droppedAttributes: 0 });
  return writer.take();
}

/** 5^9. A second has so many times 2^9 nanoseconds. */
const UNITS_PER_SECOND = 1_953_125;

/**
 * Nanoseconds since 1970. A number cannot hold all their digits, but those of the seconds in units of 2^9 nanoseconds:
 * 23 bits of these units and the nanoseconds beyond the second are the low half of the result.
 */
function writeTime(writer: MessageWriter, field: number, ms: number): void {
  const seconds = Math.floor(ms / 1_000);
  const units = seconds * UNITS_PER_SECOND;
  const low = (units % 2 ** 23) * 2 ** 9 + Math.floor((ms - seconds * 1_000) * 1e6);
  const carry = low >= 2 ** 32 ? 1 : 0;
  writer.fixed64(field, Math.floor(units / 2 ** 23) + carry, low - carry * 2 ** 32);
}
