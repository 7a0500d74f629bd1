// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import test from "ava";
import * as fc from "fast-check";

import { bySize } from "../../../test/lib/by-size.ts";
import { HttpError } from "../http/http-error.ts";
import { arbitraryHeap, countValues } from "../testdata/arbitrary-heap.ts";
import { heapSpec } from "../testdata/library-spec.ts";
import { field } from "../testdata/protobuf-bytes.ts";
import { countReplyValues } from "./count-reply.ts";
import { MAX_MESSAGE_DEPTH } from "./limits.ts";

const { registry } = heapSpec().descriptors;
const heap = registry.getMessage("perdure.test.heap.Heap") as DescMessage;

const OPTIONS = { registry, alwaysEmitImplicit: true };
const LIMITS = { maxJsonValues: 10_000_000, maxJsonReplyBytes: 100_000_000, jsonTimeoutMs: 1 };
const EMPTY = toJson(heap, fromJson(heap, {}), OPTIONS);
/** The number of values in an empty heap: the names and defaults of its fields, and the heap itself. */
const DEFAULTS = countValues(EMPTY);

function count(payload: Uint8Array, limits: Partial<typeof LIMITS> = {}): number {
  return countReplyValues(heap, payload, registry, { ...LIMITS, ...limits });
}

function serialized(json: JsonValue): Uint8Array {
  return toBinary(heap, fromJson(heap, json, { registry }));
}

/** The number of paths in masks. They count in addition to the text of the mask. */
function pathsOf(json: JsonValue): number {
  if (typeof json !== "object" || json === null) return 0;
  if (Array.isArray(json)) return json.reduce<number>((sum, item) => sum + pathsOf(item), 0);
  return Object.entries(json).reduce<number>((sum, [key, value]) => {
    const own = key === "mask" && typeof value === "string" ? value.split(",").length : 0;
    return sum + own + pathsOf(value);
  }, 0);
}

const counted: readonly (readonly [what: string, json: JsonValue, more: number])[] = [
  ["nothing", {}, 0],
  ["a text", { text: "a" }, 0],
  ["three empty messages in a list", { nothings: [{}, {}, {}] }, 3],
  ["a message of twenty fields without any", { wides: [{}] }, 1 + 18 * 2],
  ["a field without a default", { maybe: 0 }, 2],
  ["one of several", { chosenText: "" }, 2],
  ["numbers, packed", { ints: [1, 2, 300], fixed: [1, 2], flags: [true] }, 6],
  ["a map", { names: { a: "b", c: "d" } }, 4],
  ["a map of messages", { byNumber: { 1: {} } }, 2],
  ["a Struct", { struct: { a: [1, { b: null }] } }, 2 + 2 + 2 + 2],
  ["a Value", { value: [] }, 2],
  ["dates", { times: ["2020-01-01T00:00:00Z"], durations: ["1s"] }, 2],
  ["a mask, whose paths count", { mask: "a,b" }, 2 + 2],
  ["an Any that is empty", { any: {} }, 2],
  ["an Any of a message", { any: { "@type": "x/perdure.test.heap.Nothing" } }, 2 + 2],
  ["an Any of a Duration", { any: { "@type": "x/google.protobuf.Duration", value: "1s" } }, 2 + 4],
  ["a message inside", { heap: {} }, 1 + DEFAULTS],
];

for (const [what, json, more] of counted) {
  test(`${what}: ${more} more than an empty message has`, (t) =>
    t.is(count(serialized(json)), DEFAULTS + more));
}

test("of a message it counts exactly the keys and values of its JSON, and refuses none within the bound", (t) => {
  fc.assert(
    fc.property(arbitraryHeap, (json) => {
      const payload = serialized(json);
      const built = toJson(heap, fromBinary(heap, payload), OPTIONS);
      const values = countValues(built) + pathsOf(built);
      t.is(count(payload), values);
      t.is(count(payload, { maxJsonValues: values }), values);
      const error = t.throws(() => count(payload, { maxJsonValues: values - 1 }), { instanceOf: HttpError });
      t.is(error?.code, "REPLY_TOO_LARGE");
      const bytes = Buffer.byteLength(JSON.stringify(built));
      t.notThrows(() => count(payload, { maxJsonReplyBytes: bytes, maxJsonValues: values }));
    }),
    { numRuns: bySize({ full: 2_000, short: 250 }) },
  );
});

test("of any bytes it counts no fewer than fromBinary and toJson build, or refuses them", (t) => {
  const noise = fc.uint8Array({ maxLength: 6 });
  let compared = 0;
  fc.assert(
    fc.property(
      fc.array(arbitraryHeap, { maxLength: 2 }),
      noise,
      fc.nat(),
      fc.nat(4),
      (heaps, inserted, place, cut) => {
        // Messages that are written one after the other are one message.
        const whole = Buffer.concat(heaps.map(serialized));
        const at = place % (whole.length + 1);
        const payload = Buffer.concat([whole.subarray(0, at), inserted, whole.subarray(at + cut)]);
        const built = jsonOf(payload);
        if (built === undefined) return;
        const values = attempt(() => count(payload));
        if (values === undefined) return;
        compared++;
        const least = countValues(built);
        // Throws, so that fast-check shrinks the case and reports its seed.
        if (values < least)
          throw new Error(
            `${payload.toString("hex")}: ${values} counted of ${least}: ${JSON.stringify(built)}`,
          );
      },
    ),
    { numRuns: bySize({ full: 10_000, short: 1_500 }) },
  );
  t.log(`${compared} of 5,000 were messages`);
  t.true(compared > 100);
});

function jsonOf(payload: Uint8Array): JsonValue | undefined {
  return attempt(() => toJson(heap, fromBinary(heap, payload), OPTIONS));
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

const none = Buffer.alloc(0);
const tooLarge: readonly (readonly [what: string, payload: Buffer])[] = [
  ["4,000,000 messages without a field", Buffer.alloc(8_000_000, field(3, none))],
  ["1,000,000 messages of twenty defaults", Buffer.alloc(2_000_000, field(4, none))],
  ["a packed list of 12,000,000 numbers", field(5, Buffer.alloc(12_000_000, 1))],
  ["a packed list of 3,000,000 numbers of four bytes", field(28, Buffer.alloc(12_000_000, 1))],
  ["4,000,000 entries of a map", Buffer.alloc(8_000_000, field(10, none))],
  ["4,000,000 Anys", Buffer.alloc(8_000_000, field(15, none))],
  ["4,000,000 fields that are not known", Buffer.alloc(12_000_000, Buffer.from([0xf8, 0x0f, 0]))],
  ["one text 4,000,000 times", Buffer.alloc(8_000_000, field(1, none))],
  ["2,000,000 fields of a date", field(16, Buffer.alloc(4_000_000, Buffer.from([0x10, 1])))],
  ["an Any of too many", field(14, anyOf("Heap", Buffer.alloc(4_000_000, field(3, none))))],
  ["a text of control characters", field(1, Buffer.alloc(6_000_000, 1))],
  ["bytes that are longer in base64", field(2, Buffer.alloc(28_000_000))],
];

function anyOf(name: string, value: Uint8Array): Buffer {
  return Buffer.concat([field(1, Buffer.from(`x/perdure.test.heap.${name}`)), field(2, value)]);
}

for (const [what, payload] of tooLarge) {
  test(`${what} are refused before they are read`, (t) => {
    const limits = { maxJsonValues: 100_000, maxJsonReplyBytes: 25_165_824 };
    t.is(t.throws(() => count(payload, limits), { instanceOf: HttpError })?.code, "REPLY_TOO_LARGE");
  });
}

test("messages inside each other are refused at the bound, those in an Any included", (t) => {
  let plain: Buffer = none;
  let packed: Buffer = none;
  for (let depth = 1; depth < MAX_MESSAGE_DEPTH; depth++) plain = field(22, plain);
  t.notThrows(() => count(plain));
  for (let depth = 2; depth < MAX_MESSAGE_DEPTH; depth += 2) packed = field(14, anyOf("Heap", packed));
  t.notThrows(() => count(packed));
  for (const payload of [field(22, plain), field(14, anyOf("Heap", packed))]) {
    t.is(t.throws(() => count(payload), { instanceOf: HttpError })?.code, "REPLY_TOO_LARGE");
  }
});

/** An Any in two parts: the value, and its type. Only both together say as which type the value is read. */
const parts = [
  field(14, field(2, Buffer.alloc(12))),
  field(14, field(1, Buffer.from("x/perdure.test.heap.Nothing"))),
] as const;

for (const [what, payload] of [
  ["an Any in two parts", Buffer.concat(parts)],
  ["an Any in two parts of the message that it is in", Buffer.concat(parts.map((part) => field(22, part)))],
  ["a length beyond the end", Buffer.from([0x0a, 5, 0x61])],
  ["a message that is longer than the one it is in", Buffer.from([0xb2, 1, 2, 0x0a, 3, 0x61, 0x61, 0x61])],
  ["a field of another wire type", Buffer.from([0x18, 0])],
  ["half a number", Buffer.from([0xd8, 1, 0x80])],
  ["an end of a group that did not begin", Buffer.from([0x0c])],
  ["a field without a number", Buffer.from([0x02, 0])],
] as const) {
  test(`${what} is no message`, (t) => {
    const error = t.throws(() => count(payload));
    t.false(error instanceof HttpError, error?.message);
  });
}
