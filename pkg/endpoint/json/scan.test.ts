// SPDX-License-Identifier: Apache-2.0

import type { JsonValue } from "@bufbuild/protobuf";
import test from "ava";
import * as fc from "fast-check";

import { HttpError } from "../http/http-error.ts";
import { countValues } from "../testdata/arbitrary-heap.ts";
import { MAX_JSON_DEPTH } from "./limits.ts";
import { countJsonValues, scanJson } from "./scan.ts";

const MANY = 1_000_000;

const counted: readonly (readonly [text: string, values: number])[] = [
  ["", 0],
  [" \t\r\n", 0],
  ["1", 1],
  ["-1.5e+3", 1],
  ['"a"', 1],
  ["true", 1],
  ["{}", 1],
  ["[]", 1],
  ['{"a":1}', 3],
  ['{"a":{"b":[1,2,{}]},"c":null}', 10],
  ["[1,2,[3]]", 5],
  ['["{[\\"]}"]', 2],
  ['["\\\\",1]', 3],
  ['["\\u0022",1]', 3],
  ["[ 1 , 2 ]", 3],
  ['"é€😀"', 1],
  // Texts that are not JSON.
  ['"never ends', 1],
  ['"ends with an escape\\', 1],
  ["[1 2]", 3],
  ["[1,2}", 3],
  ['[1"a"2]', 4],
  ["]]]][[[[", 4],
];

for (const [text, values] of counted) {
  test(`${JSON.stringify(text)} has ${values} values`, (t) =>
    t.is(countJsonValues(Buffer.from(text), MANY), values));
}

test("a text is refused at the first value beyond the bound, and not before", (t) => {
  const text = Buffer.from('{"a":[1,2]}');
  t.is(countJsonValues(text, 5), 5);
  t.is(t.throws(() => countJsonValues(text, 4), { instanceOf: HttpError })?.code, "JSON_TOO_MANY_VALUES");
  const broken = Buffer.from(`[${"1,".repeat(10)}`);
  t.is(t.throws(() => countJsonValues(broken, 4), { instanceOf: HttpError })?.code, "JSON_TOO_MANY_VALUES");
});

for (const [what, open, close] of [
  ["lists", "[", "]"],
  ["objects", '{"a":', "}"],
] as const) {
  test(`${MAX_JSON_DEPTH} ${what} inside each other are read, and one more is not`, (t) => {
    const nested = (depth: number) => Buffer.from(`${open.repeat(depth)}1${close.repeat(depth)}`);
    t.notThrows(() => countJsonValues(nested(MAX_JSON_DEPTH), MANY));
    for (const text of [nested(MAX_JSON_DEPTH + 1), Buffer.from(open.repeat(MAX_JSON_DEPTH + 1))]) {
      t.is(t.throws(() => countJsonValues(text, MANY), { instanceOf: HttpError })?.code, "JSON_TOO_DEEP");
    }
  });
}

/** A JSON text as another writer may have written it. */
const jsonText = fc
  .tuple(fc.jsonValue({ maxDepth: 6, noUnicodeString: false }), fc.constantFrom(0, 1, 4), fc.boolean())
  .map(([value, space, escapes]) => {
    const text = JSON.stringify(value, undefined, space);
    return escapes ? text.replace(/[^\x20-\x7e\n]/g, escape) : text;
  });

function escape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

test("of a JSON text it counts exactly the keys and values, and refuses none within the bound", (t) => {
  fc.assert(
    fc.property(jsonText, (text) => {
      const values = countValues(JSON.parse(text) as JsonValue);
      const bytes = Buffer.from(text);
      t.is(countJsonValues(bytes, values), values);
      t.throws(() => countJsonValues(bytes, values - 1), { instanceOf: HttpError });
    }),
    { numRuns: 1_000 },
  );
});

test("of any bytes it counts no fewer than JSON.parse builds", (t) => {
  const noise = fc.array(
    fc.constantFrom(
      "[",
      "]",
      "{",
      "}",
      '"',
      "\\",
      ",",
      ":",
      " ",
      "1",
      "-",
      "e",
      "true",
      "null",
      '"a"',
      "é",
      "\0",
    ),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(jsonText, noise, fc.nat(), fc.nat(10), (text, inserted, place, cut) => {
      const at = place % (text.length + 1);
      const changed = text.slice(0, at) + inserted.join("") + text.slice(at + cut);
      const values = countJsonValues(Buffer.from(changed), MANY);
      const built = parsed(changed);
      if (built !== undefined) t.true(values >= countValues(built), changed);
    }),
    { numRuns: 5_000 },
  );
});

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

for (const number of [
  "0",
  "-1",
  "999999999999999",
  "1.5",
  "52.52000659999999",
  "-0.30000000000000004",
  "12345678901234.5",
]) {
  test(`${number} is a clear number`, (t) => t.false(scanJson(Buffer.from(`[${number}]`), MANY).isUnclear));
}

for (const number of [
  "9007199254740993",
  "-9007199254740993",
  "1234567890123e6",
  "1e3",
  "1E400",
  "-1e400",
  "1e-400",
  "1.00000000000000000001",
  "0.99999999999999999999",
  "9007199254740992.5",
  "123456789012345678901234567890",
]) {
  test(`${number} is an unclear number, wherever it stands`, (t) => {
    for (const text of [number, `[${number}]`, `{"a":[1, ${number}\n,2]}`, `[true,${number},null]`])
      t.true(scanJson(Buffer.from(text), MANY).isUnclear, text);
    t.false(scanJson(Buffer.from(`{"a":"${number}","${number}":false}`), MANY).isUnclear);
  });
}

/** Numbers of JSON in any notation, near whole numbers more often than elsewhere. */
const numberText = fc
  .tuple(
    fc.constantFrom("", "-"),
    fc.oneof(
      fc.bigInt({ min: 0n, max: 10n ** 25n }),
      fc.bigInt({ min: 2n ** 53n - 9n, max: 2n ** 53n + 9n }),
      fc.nat(),
    ),
    fc.oneof(
      fc.constant(""),
      fc.bigInt({ min: 0n, max: 10n ** 20n }).map((digits) => `.${digits}`),
      fc.tuple(fc.constantFrom("0", "9"), fc.nat(25)).map(([digit, count]) => `.${digit.repeat(count)}1`),
    ),
    fc.oneof(
      fc.constant(""),
      fc.integer({ min: -30, max: 30 }).map((exponent) => `e${exponent}`),
    ),
  )
  .map((parts) => parts.join(""));

/** The number times 10^60, which is whole. */
function scaled(number: string): bigint {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e(-?\d+))?$/.exec(number) ?? [];
  const digits = BigInt(whole + fraction) * 10n ** BigInt(60 + Number(exponent) - fraction.length);
  return sign === "-" ? -digits : digits;
}

test("of clear numbers those that become whole are whole, and the same", (t) => {
  let clear = 0;
  fc.assert(
    fc.property(numberText, (number) => {
      if (scanJson(Buffer.from(number), MANY).isUnclear) return;
      clear++;
      const built = JSON.parse(number) as number;
      t.true(Number.isFinite(built));
      if (Number.isInteger(built)) t.is(BigInt(built) * 10n ** 60n, scaled(number), number);
    }),
    { numRuns: 20_000 },
  );
  t.true(clear > 1_000, `${clear}`);
});
