// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import type { TraceContext } from "./telemetry.ts";
import { logsOnly, NO_TELEMETRY, NO_TRACER } from "./telemetry.ts";
import { readTraceContext, traceReader, writeTraceparent } from "./trace-context.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const PARENT = `00-${TRACE}-${SPAN}-01`;
const CONTEXT: TraceContext = { traceId: TRACE, spanId: SPAN, isSampled: true, hasRandomId: false };

const hex = (length: number) =>
  fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`)).filter((text) => /[^0]/.test(text));

const member = fc.stringMatching(/^[a-z0-9][a-z0-9_*/@-]{0,8}=[!-+\x2d-<>-~]{1,6}$/);

const context: fc.Arbitrary<TraceContext> = fc.record(
  {
    traceId: hex(32),
    spanId: hex(16),
    isSampled: fc.boolean(),
    hasRandomId: fc.boolean(),
    state: fc.array(member, { minLength: 1, maxLength: 30 }).map((members) => members.join(",")),
  },
  { requiredKeys: ["traceId", "spanId", "isSampled", "hasRandomId"] },
);

test("what is written is read back", (t) => {
  fc.assert(
    fc.property(context, (given) => {
      const headers = { traceparent: writeTraceparent(given), tracestate: given.state };
      t.deepEqual(readTraceContext(headers), given);
    }),
  );
});

test("a context that does not say whether its id is random says no", (t) => {
  t.is(writeTraceparent({ traceId: TRACE, spanId: SPAN, isSampled: false }), `00-${TRACE}-${SPAN}-00`);
});

test("whatever the headers are, there is a context that may be sent on, or none", (t) => {
  const near = fc.tuple(fc.nat(60), fc.string({ maxLength: 3 })).map(([at, text]) => {
    return PARENT.slice(0, at) + text + PARENT.slice(at + text.length);
  });
  const traceparent = fc.oneof(fc.constant(PARENT), near, fc.string({ unit: "binary" }));
  const tracestate = fc.oneof(
    fc.array(fc.oneof(member, fc.string()), { maxLength: 40 }).map((members) => members.join(" ,")),
    fc.string({ unit: "binary", maxLength: 600 }),
    fc.array(fc.string()),
    fc.constant(undefined),
  );
  fc.assert(
    fc.property(traceparent, tracestate, (traceparent, tracestate) => {
      const read = readTraceContext({ traceparent, tracestate });
      if (read === undefined) return;
      t.regex(writeTraceparent(read), /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/);
      t.true((read.state ?? "").length <= 512);
      t.regex(read.state ?? "a=b", /^[ -~]+$/);
      t.deepEqual(readTraceContext({ traceparent: writeTraceparent(read), tracestate: read.state }), read);
    }),
    { numRuns: 1_000 },
  );
});

const PARENTS: readonly (readonly [
  what: string,
  traceparent: string | string[] | undefined,
  found: boolean,
])[] = [
  ["nothing", undefined, false],
  ["an empty one", "", false],
  ["one of version 00", PARENT, true],
  ["blanks at the edges", `\t ${PARENT} `, true],
  ["more behind version 00", `${PARENT}-more`, false],
  ["a dash behind version 00", `${PARENT}-`, false],
  ["more behind a later version", `cc${PARENT.slice(2)}-what-comes-later`, true],
  ["a later version", `01${PARENT.slice(2)}`, true],
  ["more without a dash", `cc${PARENT.slice(2)}.more`, false],
  ["the version that is none", `ff${PARENT.slice(2)}`, false],
  ["a version that is no number", `.0${PARENT.slice(2)}`, false],
  ["a trace id of zeros", `00-${"0".repeat(32)}-${SPAN}-01`, false],
  ["a span id of zeros", `00-${TRACE}-${"0".repeat(16)}-01`, false],
  ["upper case", PARENT.toUpperCase(), false],
  ["a short trace id", `00-${TRACE.slice(1)}-${SPAN}-01`, false],
  ["a long span id", `00-${TRACE}-${SPAN}0-01`, false],
  ["a short flag", PARENT.slice(0, -1), false],
  ["other characters", PARENT.replace("4", "ü"), false],
  ["a line break", `${PARENT}\n${PARENT}`, false],
  ["two headers that were joined", `${PARENT}, ${PARENT}`, false],
  ["two headers of a later version", `01${PARENT.slice(2)}-a, ${PARENT}`, false],
  ["two headers that were not joined", [PARENT, PARENT], false],
  ["1,000 headers", Array.from({ length: 1_000 }, () => PARENT).join(", "), false],
  ["a megabyte of a later version", `cc${PARENT.slice(2)}-${"x".repeat(1_000_000)}`, false],
  ["a megabyte of blanks", " ".repeat(1_000_000) + PARENT, false],
];

for (const [what, traceparent, found] of PARENTS) {
  test(`traceparent with ${what} ${found ? "goes on" : "begins a trace"}`, (t) => {
    t.deepEqual(readTraceContext({ traceparent, tracestate: "" }), found ? CONTEXT : undefined);
  });
}

test("of the flags two are known, and the others are not sent on", (t) => {
  const read = (flags: string) => readTraceContext({ traceparent: `00-${TRACE}-${SPAN}-${flags}` });
  t.like(read("00"), { isSampled: false, hasRandomId: false });
  t.like(read("02"), { isSampled: false, hasRandomId: true });
  t.like(read("ff"), { isSampled: true, hasRandomId: true });
  t.like(read("fc"), { isSampled: false, hasRandomId: false });
});

const members = (count: number, text = "a") => Array.from({ length: count }, (_, i) => `k${i}=${text}`);

const LONGEST = `k0=${"x".repeat(252)},k1=${"x".repeat(253)}`;

const STATES: readonly (readonly [
  what: string,
  tracestate: string | string[] | undefined,
  state: string | undefined,
])[] = [
  ["nothing", undefined, undefined],
  ["an empty one", "", undefined],
  ["members", "rojo=00f067aa0ba902b7,congo@x=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo@x=t61rcWkgMzE"],
  ["blanks and empty members", " a=1 ,\t, b= 2 ,,", "a=1,b= 2"],
  ["one key twice", "a=1,a=2", "a=1,a=2"],
  ["32 members", members(32).join(), members(32).join()],
  ["33 members", members(33).join(), undefined],
  ["1,000 entries", members(1_000).join(), undefined],
  ["512 characters", LONGEST, LONGEST],
  ["513 characters", `${LONGEST}x`, undefined],
  ["values of 256 characters", `a=${"x".repeat(256)}`, `a=${"x".repeat(256)}`],
  ["a value of 257 characters", `a=${"x".repeat(257)}`, undefined],
  ["too many characters", members(5, "x".repeat(120)).join(), undefined],
  ["a megabyte", `a=${"x".repeat(1_000_000)}`, undefined],
  ["a megabyte of commas", ",".repeat(1_000_000), undefined],
  ["a key in upper case", "A=1", undefined],
  ["no key", "=1", undefined],
  ["no value", "a=", undefined],
  ["a second equals sign", "a=b=c", undefined],
  ["other characters", "a=ü", undefined],
  ["one wrong member", "a=1,b", undefined],
  ["headers that were not joined", ["a=1"], undefined],
];

for (const [what, tracestate, state] of STATES) {
  test(`tracestate with ${what} ${state === undefined ? "is left out" : "is sent on"}`, (t) => {
    t.deepEqual(readTraceContext({ traceparent: PARENT, tracestate }), {
      ...CONTEXT,
      ...(state !== undefined && { state }),
    });
  });
}

test("without a traceparent there is no tracestate either, and baggage does nothing", (t) => {
  t.is(readTraceContext({ tracestate: "a=1", baggage: members(1_000).join() }), undefined);
  t.deepEqual(readTraceContext({ traceparent: PARENT, baggage: members(1_000).join() }), CONTEXT);
});

test("nothing is read where nobody traces", (t) => {
  t.is(traceReader(NO_TELEMETRY), undefined);
  const tracing = {
    ...logsOnly(NO_TELEMETRY.logger),
    tracer: { start: () => NO_TRACER.start("", undefined) },
  };
  t.is(traceReader(tracing), readTraceContext);
});
