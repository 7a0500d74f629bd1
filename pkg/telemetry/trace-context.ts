// SPDX-License-Identifier: Apache-2.0

/**
 * How a trace goes on from one program to the next: the headers `traceparent` and `tracestate` of W3C Trace Context,
 * level 2 (https://www.w3.org/TR/trace-context-2/), which includes level 1.
 *
 * 1. A `traceparent` that the standard does not allow gives no context, so that a new trace begins. Nobody is told,
 *    because every caller can send one.
 * 2. A `tracestate` that the standard does not allow, or that is longer than it asks to carry, is left out whole. The
 *    trace goes on without it, as the standard demands ("Relationship between the headers").
 * 3. What is too long is not looked at (I11), and nothing else of a request is read: `baggage` does nothing.
 */

import { writeIdDigits } from "./span-ids.ts";
import type { Telemetry, TraceContext } from "./telemetry.ts";
import { NO_TRACER } from "./telemetry.ts";

/** The headers of a request by their names in lower case; values of one name joined by commas, as Node does. */
type HeaderFields = Readonly<Record<string, string | string[] | undefined>>;

export type TraceReader = (headers: HeaderFields) => TraceContext | undefined;

/** Reads the context of each request; undefined if nobody traces, so that requests cost nothing. */
export function traceReader({ tracer }: Telemetry): TraceReader | undefined {
  return tracer === NO_TRACER ? undefined : readTraceContext;
}

/** `version-traceid-spanid-flags`. A later version than 00 may add more behind it, but no second header (a comma). */
const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[^,]*)?$/;

/** Version 00 has 55 characters. */
const MAX_PARENT_LENGTH = 256;

const VERSION = "00";
const NO_VERSION = "ff";
const NO_TRACE_ID = "0".repeat(32);
const NO_SPAN_ID = "0".repeat(16);

const SAMPLED = 1;
const RANDOM_ID = 2;

/** The digit 0 in ASCII. */
const ZERO = 48;

const MAX_STATE_MEMBERS = 32;

/** Characters of a whole `tracestate`, without blanks around its members. */
const MAX_STATE_LENGTH = 512;

/** `key=value`; the grammar of level 2, which allows more keys than that of level 1. */
const STATE_MEMBER =
  /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** The context in the headers of a request; undefined: there is none, or none that the standard allows (1). */
export function readTraceContext({ traceparent, tracestate }: HeaderFields): TraceContext | undefined {
  if (typeof traceparent !== "string" || traceparent.length > MAX_PARENT_LENGTH) return undefined;
  const [, version, traceId = "", spanId = "", flags = "", more] = PARENT.exec(traceparent.trim()) ?? [];
  if (version === undefined || version === NO_VERSION) return undefined;
  if (version === VERSION && more !== undefined) return undefined;
  if (traceId === NO_TRACE_ID || spanId === NO_SPAN_ID) return undefined;
  const bits = Number.parseInt(flags, 16);
  const state = typeof tracestate === "string" ? readState(tracestate) : undefined;
  return {
    traceId,
    spanId,
    isSampled: (bits & SAMPLED) !== 0,
    hasRandomId: (bits & RANDOM_ID) !== 0,
    ...(state !== undefined && { state }),
  };
}

/** The value of `traceparent`. That of `tracestate` is `state`, if there is one. */
export function writeTraceparent(context: TraceContext): string {
  const { traceId, spanId } = context;
  return `${VERSION}-${traceId}-${spanId}-0${bitsOf(context)}`;
}

/** Of one without anything behind its flags, in characters. */
export const TRACEPARENT_LENGTH = 55;

/**
 * Writes the value of `traceparent` in ASCII over an older one, of which it keeps the version.
 *
 * @throws RangeError if an id of the context is none
 */
export function writeTraceparentOver(target: Uint8Array, at: number, context: TraceContext): void {
  writeIdDigits(target, at + VERSION.length + 1, context);
  target[at + TRACEPARENT_LENGTH - 1] = ZERO + bitsOf(context);
}

function bitsOf({ isSampled, hasRandomId = false }: TraceContext): number {
  return (isSampled ? SAMPLED : 0) | (hasRandomId ? RANDOM_ID : 0);
}

/** The members without blanks around them, and without empty ones (2). */
function readState(text: string): string | undefined {
  // Blanks around the members do not count, but they are bounded too.
  if (text.length > 2 * MAX_STATE_LENGTH) return undefined;
  const members: string[] = [];
  for (const part of text.split(",")) {
    const member = part.trim();
    if (member === "") continue;
    if (members.length === MAX_STATE_MEMBERS || !STATE_MEMBER.test(member)) return undefined;
    members.push(member);
  }
  const state = members.join(",");
  return state === "" || state.length > MAX_STATE_LENGTH ? undefined : state;
}
