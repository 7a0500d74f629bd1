// SPDX-License-Identifier: Apache-2.0

import { CodedError, cutText, describeError, toError } from "../../base/mod.ts";

import type {
  AttributeValue,
  FixedAttributes,
  Span,
  SpanKind,
  SpanStart,
  TraceContext,
} from "../telemetry.ts";

/** Longest text of a name, an attribute or an error, in UTF-16 code units, so that what waits to be sent is bounded. */
const MAX_TEXT_LENGTH = 1_000;

/** OpenTelemetry's default for `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`. */
const MAX_ATTRIBUTES = 128;

/** What a span says, in the order in which it was set first. Most spans say two or three things, so it is a list. */
interface Attribute {
  readonly name: string;
  value: AttributeValue;
  next: Attribute | undefined;
}

/** Why the work of a span failed. */
interface Failure {
  /** The error's code, or else its class. */
  readonly type: string;
  readonly message: string;
}

/** A span that is kept: it records its times, and hands itself over when it ends. */
export class RecordedSpan implements Span {
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: TraceContext;
  readonly parent: TraceContext | undefined;
  /** A span of another trace that led to this one. */
  readonly link: TraceContext | undefined;
  /** In milliseconds of the clock's `monotonicMs`, and so is the end. */
  readonly startMs: number;
  /** What it said from its start. */
  readonly atStart: FixedAttributes | undefined;
  readonly #ending: Ending;
  #endMs: number | undefined;
  #atEnd: FixedAttributes | undefined;
  #first: Attribute | undefined;
  #last: Attribute | undefined;
  #count = 0;
  #droppedAttributes = 0;
  #failure: Failure | undefined;

  constructor(
    name: string,
    context: TraceContext,
    parent: TraceContext | undefined,
    { kind = "internal", startMs, link, attributes }: SpanStart,
    ending: Ending,
  ) {
    this.name = name.length > MAX_TEXT_LENGTH ? cutText(name, MAX_TEXT_LENGTH) : name;
    this.kind = kind;
    this.context = context;
    this.parent = parent;
    this.link = link;
    this.startMs = startMs ?? ending.nowMs();
    this.atStart = attributes;
    this.#ending = ending;
  }

  get endMs(): number {
    return this.#endMs ?? this.startMs;
  }

  /** What it said at its end. */
  get atEnd(): FixedAttributes | undefined {
    return this.#atEnd;
  }

  /** What was set in between, one by one. */
  get firstAttribute(): Readonly<Attribute> | undefined {
    return this.#first;
  }

  /** Attributes beyond the bound. */
  get droppedAttributes(): number {
    return this.#droppedAttributes;
  }

  get failure(): Failure | undefined {
    return this.#failure;
  }

  set(name: string, value: AttributeValue): void {
    const kept = typeof value === "string" ? cutText(value, MAX_TEXT_LENGTH) : value;
    for (let each = this.#first; each !== undefined; each = each.next)
      if (each.name === name) {
        each.value = kept;
        return;
      }
    if (this.#count === MAX_ATTRIBUTES) {
      this.#droppedAttributes++;
      return;
    }
    const attribute = { name, value: kept, next: undefined };
    if (this.#last === undefined) this.#first = attribute;
    else this.#last.next = attribute;
    this.#last = attribute;
    this.#count++;
  }

  end(error?: unknown, attributes?: FixedAttributes): void {
    if (this.#endMs !== undefined) return;
    this.#atEnd = attributes;
    this.#endMs = this.#ending.nowMs();
    if (error !== undefined) this.#failure = failureOf(error);
    this.#ending.ended(this);
  }
}

/** What all spans of a tracer need to end. */
export interface Ending {
  nowMs(): number;
  ended(span: RecordedSpan): void;
}

/** Texts only, so that a span that waits to be sent holds nothing of what an error refers to. */
function failureOf(thrown: unknown): Failure {
  const type = thrown instanceof CodedError ? String(thrown.code) : toError(thrown).name;
  return { type, message: cutText(describeError(thrown), MAX_TEXT_LENGTH) };
}
