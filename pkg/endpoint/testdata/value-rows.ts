// SPDX-License-Identifier: Apache-2.0

/** What a caller writes, and the message that it must become: one table for all forms of requests. */

import { refusedAnys, takenAnys } from "./any-rows.ts";
import {
  formsOfWholes,
  refusedFractions,
  refusedWholes,
  takenFractions,
  takenWholes,
} from "./number-rows.ts";
import { refusedBytes, refusedSpecials, takenBytes, takenSpecials } from "./text-rows.ts";
import type { Refused, Taken } from "./value-places.ts";

// Large numbers in fields that are not of 64 bits, and other values

const OTHERS: readonly Taken[] = [
  {
    json: '"valueOne":9007199254740993',
    message: { valueOne: { kind: { case: "numberValue", value: 9_007_199_254_740_992 } } },
    written: '"valueOne":9007199254740992',
  },
  {
    json: '"structOne":{"a":[1e3,-0,18446744073709551616]},"int64One":9007199254740993',
    message: { structOne: { a: [1_000, -0, 2 ** 64] }, int64One: 9_007_199_254_740_993n },
    written: '"structOne":{"a":[1000,-0,18446744073709552000]}',
  },
  {
    json: '"stringOne":"9007199254740993","int64One":9007199254740993',
    message: { stringOne: "9007199254740993", int64One: 9_007_199_254_740_993n },
    written: '"int64One":"9007199254740993"',
  },
  {
    json: '"stringOne":"\\"9007199254740993,\\\\","int64One":-9007199254740993',
    message: { stringOne: '"9007199254740993,\\', int64One: -9_007_199_254_740_993n },
    written: '"stringOne":"\\"9007199254740993,\\\\"',
  },
  { json: '"sizeOne":2147483647', message: { sizeOne: 2_147_483_647 }, written: '"sizeOne":"LARGE"' },
  {
    json: '"maskOne":"a,bC.dE9","maskList":["","F"]',
    message: { maskOne: { paths: ["a", "b_c.d_e9"] }, maskList: [{ paths: [] }, { paths: ["_f"] }] },
    written: '"maskOne":"a,bC.dE9"',
    query: "mask_one=a,bC.dE9&maskList=&maskList=F",
  },
  { json: '"sizeOne":1e0', message: { sizeOne: 1 }, written: '"sizeOne":"SMALL"' },
  {
    json: '"stringOne":"\\ud83d\\ude00","valueOne":"\\uD83D\\uDE00"',
    message: { stringOne: "😀", valueOne: { kind: { case: "stringValue", value: "😀" } } },
    written: '"stringOne":"😀"',
  },
];

const OTHERS_REFUSED: readonly Refused[] = [
  ...["a,,b", ",a", "a,", ",", "a..b", ".a", "a.", "a b", "a_b", "9a", "a.9", "a-b", "a, b", "ä"].map(
    (mask) => ({
      json: `"maskOne":"${mask}"`,
      query: `mask_one=${encodeURIComponent(mask)}`,
    }),
  ),
  ...[" a", "a "].map((mask) => ({
    json: `"maskOne":"${mask}"`,
    query: `mask_one=${encodeURIComponent(mask)}`,
    unlikeGo: "Go passes blanks over that stand around all paths",
  })),
  ...[
    '"stringOne":',
    '"stringMaybe":',
    '"stringWrapped":',
    '"bytesOne":',
    '"boolOne":',
    '"timeOne":',
    '"spanOne":',
  ].map((key) => ({ json: `${key}9007199254740993` })),
  ...['"maskOne":', '"structOne":', '"anyOne":', '"inner":', '"sizeOne":', '"int64List":', '"int64Map":'].map(
    (key) => ({
      json: `${key}9007199254740993`,
    }),
  ),
  { json: '"sizeOne":1.00000000000000000001' },
  { json: '"sizeOne":2147483648' },
  { json: '"valueOne":1e400' },
  { json: '"structOne":{"a":[-1e400]}' },
  { json: '"valuesOne":[1e999999999]' },
  { json: '"valueOne":"\\ud83d"' },
  { json: '"valueOne":{"\\ude00":1}' },
  { json: '"structOne":{"a":"\\ude00\\ud83d"}' },
  { json: '"stringOne":"\\ud83d"' },
];

export const TAKEN: readonly Taken[] = [
  ...takenWholes(),
  ...formsOfWholes(),
  ...takenFractions(),
  ...takenBytes(),
  ...takenSpecials(),
  ...takenAnys(),
  ...OTHERS,
];

export const REFUSED: readonly Refused[] = [
  ...refusedWholes(),
  ...refusedFractions(),
  ...refusedBytes(),
  ...refusedSpecials(),
  ...refusedAnys(),
  ...OTHERS_REFUSED,
];
