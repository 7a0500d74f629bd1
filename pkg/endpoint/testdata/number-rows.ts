// SPDX-License-Identifier: Apache-2.0

import type { Place, Refused, Taken } from "./value-places.ts";
import { placesOf } from "./value-places.ts";

// Whole numbers of 64 and 32 bits

interface WholeType {
  readonly name: string;
  readonly min: bigint;
  readonly max: bigint;
  /** Its wrapper, if there is one. */
  readonly wrapper?: string;
}

const signed = (bits: bigint) => ({ min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n });
const unsigned = (bits: bigint) => ({ min: 0n, max: 2n ** bits - 1n });

const WHOLE_TYPES: readonly WholeType[] = [
  { name: "int64", ...signed(64n), wrapper: "int64Wrapped" },
  { name: "uint64", ...unsigned(64n), wrapper: "uint64Wrapped" },
  { name: "sint64", ...signed(64n) },
  { name: "fixed64", ...unsigned(64n) },
  { name: "sfixed64", ...signed(64n) },
  { name: "int32", ...signed(32n), wrapper: "int32Wrapped" },
  { name: "uint32", ...unsigned(32n), wrapper: "uint32Wrapped" },
  { name: "sint32", ...signed(32n) },
  { name: "fixed32", ...unsigned(32n) },
  { name: "sfixed32", ...signed(32n) },
];

function keyPlace(name: string): Place {
  const json = (text: string): string => `"${name}Keys":{"${text}":true}`;
  return { json, written: json, message: (value) => ({ [`${name}Keys`]: { [String(value)]: true } }) };
}

const is64 = ({ name }: WholeType): boolean => name.endsWith("64");
const localValue = (type: WholeType, value: bigint): unknown => (is64(type) ? value : Number(value));
/** Whole numbers of 64 bits are written as texts. */
const writtenWhole = (type: WholeType, value: bigint): string => (is64(type) ? `"${value}"` : `${value}`);

const EDGES = [
  0n,
  1n,
  -1n,
  2n ** 31n - 1n,
  -(2n ** 31n),
  2n ** 32n - 1n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  -(2n ** 53n) - 1n,
  123_456_789_012_345_678n,
  2n ** 63n - 1n,
  2n ** 63n - 2n,
  -(2n ** 63n),
  -(2n ** 63n) + 1n,
  2n ** 64n - 1n,
  2n ** 64n - 2n,
];

export function takenWholes(): Taken[] {
  const rows: Taken[] = [];
  for (const type of WHOLE_TYPES) {
    const places = placesOf(type.name, type.wrapper);
    const keys = keyPlace(type.name);
    for (const edge of EDGES.filter((value) => value >= type.min && value <= type.max)) {
      for (const [index, place] of places.entries()) {
        const text = `${edge}`;
        const common = {
          message: place.message(localValue(type, edge)),
          written: place.written(writtenWhole(type, edge)),
        };
        rows.push({ ...common, json: place.json(text), ...(place.query && { query: place.query(text) }) });
        if (index < 3) rows.push({ ...common, json: place.json(`"${text}"`) });
      }
      rows.push({
        json: keys.json(`${edge}`),
        message: keys.message(edge),
        written: keys.written(`${edge}`),
      });
    }
  }
  return rows;
}

/** Ways to write 9007199254740993, which is no double, and other whole numbers. */
const FORMS: readonly (readonly [text: string, value: bigint])[] = [
  ["9007199254740993.0", 9_007_199_254_740_993n],
  ["9007199254740993.000", 9_007_199_254_740_993n],
  ["9007199254740993e0", 9_007_199_254_740_993n],
  ["9007199254740993E+0", 9_007_199_254_740_993n],
  ["900719925474099.3e1", 9_007_199_254_740_993n],
  ["9.007199254740993e15", 9_007_199_254_740_993n],
  ["9.007199254740993E+15", 9_007_199_254_740_993n],
  ["9007199254740993000e-3", 9_007_199_254_740_993n],
  ["0.9007199254740993e16", 9_007_199_254_740_993n],
  // Fewer than sixteen digits, and no double either.
  ["1234567890123e6", 1_234_567_890_123_000_000n],
  ["123456789012345e4", 1_234_567_890_123_450_000n],
  ["1e3", 1_000n],
  ["1E3", 1_000n],
  ["1e18", 10n ** 18n],
  ["1.0", 1n],
  ["1.50e1", 15n],
  ["10e-1", 1n],
  ["-0", 0n],
  ["-0.0", 0n],
  ["0e5", 0n],
  ["0e-5", 0n],
];

const NO_WHOLES: readonly string[] = [
  "1.5",
  "0.5",
  "1e-1",
  "1e400",
  "-1e400",
  "1e-400",
  "1e536870000",
  "1.00000000000000000001",
  "0.99999999999999999999",
  "9007199254740992.5",
  "9007199254740993.1",
  "90071992547409925e-1",
  "true",
  "[1]",
  "{}",
  '""',
  '" "',
  '" 5"',
  '"5 "',
  '"+5"',
  '"0x10"',
  '"0b1"',
  '"1_000"',
  '"5.5"',
  '"1e-1"',
  '"NaN"',
  '"Infinity"',
  '"٣"',
];

/** These types are tested in every place, the others in one place, because the same code reads them. */
const COMMON: readonly string[] = ["int64", "uint64", "int32"];

function placesFor({ name, wrapper }: WholeType): Place[] {
  const places = placesOf(name, wrapper);
  return COMMON.includes(name) ? places : places.slice(0, 1);
}

export function formsOfWholes(): Taken[] {
  return FORMS.flatMap(([text, value]) =>
    WHOLE_TYPES.filter(({ min, max }) => value >= min && value <= max).flatMap((type) =>
      placesFor(type).flatMap((place, index) =>
        (index === 0 ? [text, `"${text}"`] : [text]).map((form) => ({
          json: place.json(form),
          message: place.message(localValue(type, value)),
          written: place.written(writtenWhole(type, value)),
        })),
      ),
    ),
  );
}

export function refusedWholes(): Refused[] {
  return WHOLE_TYPES.flatMap((type) => {
    const { name, min, max, wrapper } = type;
    const beyond = [max + 1n, min - 1n, 10n ** 20n, -(10n ** 30n), 2n ** 64n];
    const keys = keyPlace(name);
    return [
      ...beyond.flatMap((value) =>
        placesOf(name, wrapper).map((place) => ({
          json: place.json(`${value}`),
          ...(place.query && { query: place.query(`${value}`) }),
        })),
      ),
      ...beyond.map((value) => ({ json: `"${name}One":"${value}"` })),
      ...beyond.map((value) => ({ json: keys.json(`${value}`) })),
      ...NO_WHOLES.flatMap((text) => placesFor(type).map((place) => ({ json: place.json(text) }))),
      ...["1e3", "1.0", "", " ", " 1", "0x10", "one"].map((key) => ({ json: keys.json(key) })),
      ...["1.5", "1e3", "", "0x10", "%201", "+1", "1_0"].map((text) => ({ query: `${name}_one=${text}` })),
    ];
  });
}

// Floats and doubles

/** The nearest float above one. */
const NEXT = 1.000_000_119_209_289_6;

/**
 * Each text with the number that is written back. `value` is set where the float nearest to the text is not the float
 * nearest to the text's double.
 */
const FLOATS: readonly (readonly [text: string, written: string, value?: number])[] = [
  // In the middle between one and the next float, and a little beside it.
  ["1.000000059604644775390625", "1"],
  ["1.0000000596046448", "1.0000001", NEXT],
  ["-1.0000000596046448", "-1.0000001", -NEXT],
  [`1.000000059604644775390625${"0".repeat(300)}1`, "1.0000001", NEXT],
  [`0.${"0".repeat(300)}10000000596046448e301`, "1.0000001", NEXT],
  ["10000000596046448e-16", "1.0000001", NEXT],
  ['"1.0000000596046448"', "1.0000001", NEXT],
  ["1.0000001788139342", "1.0000001", NEXT],
  ["1.0000001788139344", "1.0000002"],
  // Between zero and the smallest float, and above the largest.
  ["7.006492321624085e-46", "0"],
  ["7.006492321624086e-46", "1e-45", 2 ** -149],
  ["3.4028235677973366e38", "3.4028235e+38", 3.402_823_466_385_288_6e38],
  ["-3.4028235677973366e38", "-3.4028235e+38", -3.402_823_466_385_288_6e38],
  ["0.1", "0.1"],
  ["0.10000000149011612", "0.1"],
  ["-0.3", "-0.3"],
  ["3.4", "3.4"],
  ["16777216", "16777216"],
  ["16777217", "16777216"],
  ["1e10", "10000000000"],
  ["3.4028234663852886e38", "3.4028235e+38"],
  ["-3.4028235e38", "-3.4028235e+38"],
  ["1.1754944e-38", "1.1754944e-38"],
  ["1e-45", "1e-45"],
  ["1.4e-45", "1e-45"],
  ["1e-50", "0"],
  ["0.000001", "0.000001"],
  ["1e-7", "1e-7"],
  ["9007199254740993", "9007199000000000"],
  ["33554432", "33554432"],
  ["8589973000", "8589974000"],
  ["1e21", "1e+21"],
  ["4103.9003", "4103.9004"],
  ["1.18697724e20", "118697725000000000000"],
  ["76642304", "76642300"],
  ["76642300", "76642300"],
  ["5.3399997e9", "5339999700"],
  ["2.882326e17", "288232600000000000"],
  ["6.0898e-39", "6.0898e-39"],
  ["-0", "-0"],
  ["0", "0"],
  ['"NaN"', '"NaN"'],
  ['"Infinity"', '"Infinity"'],
  ['"-Infinity"', '"-Infinity"'],
  ['"0.1"', "0.1"],
  ['"1e2"', "100"],
];

const DOUBLES: readonly (readonly [text: string, written: string])[] = [
  ["0.1", "0.1"],
  ["0.30000000000000004", "0.30000000000000004"],
  ["9007199254740993", "9007199254740992"],
  ["9007199254740993.0", "9007199254740992"],
  ["18446744073709551616", "18446744073709552000"],
  ["1.7976931348623157e308", "1.7976931348623157e+308"],
  ["5e-324", "5e-324"],
  ["1e-400", "0"],
  ["1e23", "1e+23"],
  ["-0", "-0"],
  ["-0.0", "-0"],
  ['"-0"', "-0"],
  ['"NaN"', '"NaN"'],
  ['"Infinity"', '"Infinity"'],
  ['"-Infinity"', '"-Infinity"'],
  ['"0.1"', "0.1"],
];

export function takenFractions(): Taken[] {
  const rows: Taken[] = [];
  for (const [name, table] of [
    ["float", FLOATS],
    ["double", DOUBLES],
  ] as const) {
    for (const place of placesOf(name, `${name}Wrapped`)) {
      for (const [text, written, value] of table) {
        const bare = text.replaceAll('"', "");
        rows.push({
          json: place.json(text),
          message: place.message(value ?? (name === "float" ? Math.fround : Number)(Number(bare))),
          written: place.written(written),
          ...(place.query && { query: place.query(bare) }),
        });
      }
    }
  }
  return rows;
}

const NO_NUMBERS = [
  "1e400",
  "-1e400",
  '"1e400"',
  '""',
  '" 1"',
  '"0x10"',
  '"+1"',
  '"1_0"',
  '"nan"',
  '"inf"',
  '"."',
  "true",
  "[]",
];

export function refusedFractions(): Refused[] {
  return [
    ...["float", "double"].flatMap((name) =>
      placesOf(name, `${name}Wrapped`).flatMap((place) => [
        ...NO_NUMBERS.map((text) => ({ json: place.json(text) })),
        ...(place.query === undefined
          ? []
          : ["1e400", "-1e400", "", "%201", "0x10", "nan"].map((text) => ({
              query: place.query?.(text) as string,
            }))),
      ]),
    ),
    ...placesOf("float", "floatWrapped").flatMap((place) =>
      ["3.4028235677973367e38", "3.5e38", "-3.5e38", "1e39", "3.40282357e38", '"1e39"'].map((text) => ({
        json: place.json(text),
        ...(place.query && { query: place.query(text.replaceAll('"', "")) }),
      })),
    ),
  ];
}
