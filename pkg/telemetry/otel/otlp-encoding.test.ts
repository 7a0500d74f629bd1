// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";

import { SpanKind as Kind, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import test from "ava";
import fc from "fast-check";

import { CodedError } from "../../base/mod.ts";
import { ManualClock } from "../../base/test-doubles/mod.ts";

import type { AttributeValue, SpanKind, TraceContext } from "../telemetry.ts";
import { FixedAttributes } from "../telemetry.ts";
import { MessageWriter } from "./message-writer.ts";
import { requestMaker, writeSpan } from "./otlp-encoding.ts";
import { RecordedSpan } from "./recorded-span.ts";
import { attributesOf } from "./testdata/attributes-of.ts";

type ReadableSpan = Parameters<(typeof ProtobufTraceSerializer)["serializeRequest"]>[0][number];

class TestError extends CodedError<"FULL"> {}

const KINDS: Readonly<Record<SpanKind, Kind>> = {
  internal: Kind.INTERNAL,
  server: Kind.SERVER,
  client: Kind.CLIENT,
  producer: Kind.PRODUCER,
  consumer: Kind.CONSUMER,
};

const SOURCE = {
  resource: { "service.name": "cart", "k8s.pod.name": "cart-1", ä: "x".repeat(200) },
  scope: { name: "perdure", version: "1.2.3" },
};

/** What OpenTelemetry's packages make of spans. */
function theirs(spans: readonly RecordedSpan[], offsetMs: number): Uint8Array | undefined {
  const resource = resourceFromAttributes(SOURCE.resource);
  return ProtobufTraceSerializer.serializeRequest(spans.map((span) => readable(span, offsetMs, resource)));
}

function readable(span: RecordedSpan, offsetMs: number, resource: ReadableSpan["resource"]): ReadableSpan {
  const { name, kind, context, parent, link, startMs, endMs, failure, droppedAttributes } = span;
  return {
    name,
    kind: KINDS[kind],
    spanContext: () => contextOf(context),
    ...(parent !== undefined && { parentSpanContext: contextOf(parent) }),
    startTime: hrTime(startMs + offsetMs),
    endTime: hrTime(endMs + offsetMs),
    duration: hrTime(endMs - startMs),
    status:
      failure === undefined
        ? { code: SpanStatusCode.UNSET }
        : { code: SpanStatusCode.ERROR, message: failure.message },
    attributes: {
      ...attributesOf(span),
      ...(failure !== undefined && { "error.type": failure.type }),
    },
    links: link === undefined ? [] : [{ context: contextOf(link) }],
    events: [],
    ended: true,
    resource,
    instrumentationScope: SOURCE.scope,
    droppedAttributesCount: droppedAttributes,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function contextOf({ traceId, spanId, isSampled }: TraceContext): ReturnType<ReadableSpan["spanContext"]> {
  return { traceId, spanId, traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE };
}

/** Seconds and nanoseconds. */
function hrTime(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.floor((ms - seconds * 1_000) * 1e6)];
}

function ours(spans: readonly RecordedSpan[], offsetMs: number): Uint8Array {
  const writer = new MessageWriter();
  for (const span of spans) writeSpan(writer, span, offsetMs);
  return requestMaker(SOURCE)(writer.take());
}

interface Given {
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: TraceContext;
  readonly parent: TraceContext | undefined;
  readonly link: TraceContext | undefined;
  readonly startMs: number;
  readonly tookMs: number;
  readonly attributes: readonly (readonly [string, AttributeValue])[];
  readonly atStart: FixedAttributes | undefined;
  readonly atEnd: FixedAttributes | undefined;
  readonly failure: unknown;
}

function recorded({
  name,
  kind,
  context,
  parent,
  link,
  startMs,
  tookMs,
  attributes,
  atStart,
  atEnd,
  failure,
}: Given): RecordedSpan {
  const clock = new ManualClock(startMs + tookMs);
  const ending = { nowMs: () => clock.monotonicMs(), ended: () => undefined };
  const span = new RecordedSpan(name, context, parent, { kind, startMs, link, attributes: atStart }, ending);
  for (const [key, value] of attributes) span.set(key, value);
  span.end(failure, atEnd);
  return span;
}

const digits = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((id) => Buffer.from(id).toString("hex"));
const context = fc.record({ traceId: digits(16), spanId: digits(8), isSampled: fc.boolean() });
const text = fc.string({ unit: "binary", maxLength: 200 });
const value = fc.oneof(
  text,
  fc.boolean(),
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(
    0,
    -0,
    -1,
    127,
    128,
    2 ** 32,
    -(2 ** 32),
    2 ** 53,
    2 ** 62,
    -(2 ** 63),
    2 ** 63,
    0.5,
    -1e300,
  ),
);

/** Attributes whose names are those of no others. */
const fixed = (prefix: string) =>
  fc.option(
    fc.array(fc.tuple(text, value), { maxLength: 3 }).map((all) => {
      const named = all.map(([name, each]) => [`${prefix}${name}`, each] as const);
      return new FixedAttributes(Object.fromEntries(named));
    }),
    { nil: undefined },
  );

const given: fc.Arbitrary<Given> = fc.record({
  name: text,
  kind: fc.constantFrom(...(Object.keys(KINDS) as SpanKind[])),
  context,
  parent: fc.option(context, { nil: undefined }),
  link: fc.option(context, { nil: undefined }),
  startMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
  tookMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
  // A name that is a number would come first in an object.
  attributes: fc.array(
    fc.tuple(
      text.map((name) => `a${name}`),
      value,
    ),
    { maxLength: 140 },
  ),
  atStart: fixed("b"),
  atEnd: fixed("c"),
  failure: fc.option(
    text.map((message) => new TestError("FULL", message)),
    { nil: undefined },
  ),
});

test("spans have the bytes that OpenTelemetry's serializer gives them", (t) => {
  const offset = fc.double({ min: 0, max: 4e12, noNaN: true });
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(given, { minLength: 1, maxLength: 5 }), offset, (givens, offsetMs) => {
        const spans = givens.map(recorded);
        return Buffer.compare(ours(spans, offsetMs), theirs(spans, offsetMs) ?? new Uint8Array()) === 0;
      }),
      { numRuns: 300 },
    ),
  );
});

test("times are exact to the nanosecond at the edges of what is carried over", (t) => {
  const context_ = { traceId: "1".repeat(32), spanId: "2".repeat(16), isSampled: true };
  const nothing = { parent: undefined, link: undefined, attributes: [], failure: undefined };
  const fixed_ = { atStart: undefined, atEnd: undefined };
  for (const ms of [0, 999.999, 4_294.967_295, 4_294.967_296, 4_295, 8_589.934_592, 1_764_500_000_000.25]) {
    const span = recorded({
      name: "a",
      kind: "internal",
      context: context_,
      startMs: ms,
      tookMs: 0.001,
      ...nothing,
      ...fixed_,
    });
    t.deepEqual(Buffer.from(ours([span], 0)), Buffer.from(theirs([span], 0) ?? []), String(ms));
  }
});

test("what could not be written is taken back", (t) => {
  const writer = new MessageWriter();
  writer.text(1, "before");
  const { length } = writer;
  const context_ = { traceId: "1".repeat(31) + "x", spanId: "2".repeat(15), isSampled: true };
  t.throws(() => writer.traceId(2, context_), { instanceOf: RangeError });
  t.throws(() => writer.spanId(2, context_), { instanceOf: RangeError });
  writer.cutTo(length);
  writer.number(3, 1);
  t.deepEqual([...writer.take()], [10, 6, ...Buffer.from("before"), 24, 1]);
  t.is(writer.length, 0);
});

test("memory grows with what is written, and is used again", (t) => {
  const writer = new MessageWriter();
  const long = "ä".repeat(100_000);
  const lengths = [1, 2].map(() => {
    const start = writer.begin(1);
    for (let i = 0; i < 3; i++) writer.text(2, long);
    writer.end(start);
    return writer.take().length;
  });
  t.deepEqual(lengths, [600_016, 600_016]);
});
