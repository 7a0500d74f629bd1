// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import * as fc from "fast-check";

import { isBase64, isDuration, isNumberText, isTimestamp, wholeNumber } from "./value-texts.ts";

for (const [text, digits] of [
  ["0", "0"],
  ["-5", "-5"],
  ["007", "007"],
  ["18446744073709551615", "18446744073709551615"],
  ["1.0", "1"],
  ["1e3", "1000"],
  ["1.5e1", "15"],
  ["-1.50E+1", "-15"],
  ["150e-1", "15"],
  ["0.001e3", "1"],
  ["0.000e-9", "0"],
  ["1e19", "10000000000000000000"],
  ["1e20", undefined],
  ["123456789012345678901", undefined],
  ["1e999999999999999999", undefined],
  ["1e-999999999999999999", undefined],
  ["1.5", undefined],
  ["15e-1", undefined],
  ["", undefined],
  [" 1", undefined],
  ["+1", undefined],
  ["0x1", undefined],
  ["1.", undefined],
  [".1e1", undefined],
  ["1\n", undefined],
] as const) {
  test(`${JSON.stringify(text)} as a whole number is ${digits}`, (t) => t.is(wholeNumber(text), digits));
}

test("a whole number in any notation is itself", (t) => {
  const whole = fc.bigInt({ min: -(10n ** 20n) + 1n, max: 10n ** 20n - 1n });
  fc.assert(
    fc.property(whole, fc.nat(25), fc.nat(25), (number, shift, zeros) => {
      const sign = number < 0n ? "-" : "";
      const digits = `${number < 0n ? -number : number}`;
      const padded = digits.padStart(shift + 1, "0");
      const split = padded.length - shift;
      const fraction = padded.slice(split) + "0".repeat(zeros);
      const moved = `${sign}${padded.slice(0, split)}${fraction === "" ? "" : `.${fraction}`}e${shift}`;
      t.is(wholeNumber(moved), `${number}`);
      t.is(wholeNumber(`${number}${number === 0n ? "" : "0".repeat(zeros)}e-${zeros}`), `${number}`);
    }),
  );
});

for (const text of ["1", "-0.5", "1e400", "1E-7", "NaN", "Infinity", "-Infinity"])
  test(`${text} is a number`, (t) => t.true(isNumberText(text)));
for (const text of ["", " 1", "1 ", "+1", "0x1", ".5", "5.", "01", "nan", "Inf", "1e", "1_0", "1\n"])
  test(`${JSON.stringify(text)} is no number`, (t) => t.false(isNumberText(text)));

const two = (value: number): string => String(value).padStart(2, "0");

test("a day is one of the calendar", (t) => {
  const year = fc.oneof(
    fc.integer({ min: 1, max: 9_999 }),
    fc.constantFrom(1_900, 2_000, 2_023, 2_024, 2_100),
  );
  fc.assert(
    fc.property(year, fc.nat(13), fc.nat(32), (y, month, day) => {
      const date = new Date(0);
      date.setUTCFullYear(y, month - 1, day);
      const exists =
        date.getUTCFullYear() === y && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
      t.is(isTimestamp(`${String(y).padStart(4, "0")}-${two(month)}-${two(day)}T00:00:00Z`), exists);
    }),
    { numRuns: 5_000 },
  );
});

test("a time is one of the day", (t) => {
  fc.assert(
    fc.property(fc.nat(99), fc.nat(99), fc.nat(99), (hour, minute, second) => {
      t.is(
        isTimestamp(`2024-01-01T${two(hour)}:${two(minute)}:${two(second)}Z`),
        hour < 24 && minute < 60 && second < 60,
      );
      t.is(isTimestamp(`2024-01-01T00:00:00-${two(hour)}:${two(minute)}`), hour < 24 && minute < 60);
    }),
    { numRuns: 2_000 },
  );
});

for (const text of ["1s", "-1s", "0.5s", "1.123456789s"])
  test(`${text} is a duration`, (t) => t.true(isDuration(text)));
for (const text of ["1", "s", "1s ", "1s1", "+1s", "1.1234567890s", ".5s", "1e3s", "1s\n"])
  test(`${JSON.stringify(text)} is no duration`, (t) => t.false(isDuration(text)));

test("any bytes in base64 are base64, in both alphabets, padded or not, also in lines", (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.nat(), (bytes, place) => {
      const padded = Buffer.from(bytes).toString("base64");
      const forms = [
        padded,
        padded.replaceAll("+", "-").replaceAll("/", "_"),
        Buffer.from(bytes).toString("base64url"),
      ];
      for (const form of forms) {
        const at = place % (form.length + 1);
        t.true(isBase64(form), form);
        t.true(isBase64(`${form.slice(0, at)}\r\n${form.slice(at)}`) || at > form.indexOf("=") - 1, form);
        for (const other of [" ", "\t", "%", ".", "é", "="])
          if (form !== "" && at < form.length)
            t.false(isBase64(form.slice(0, at) + other + form.slice(at)), form);
      }
    }),
  );
});

test("long texts that are none take no longer than others", (t) => {
  const many = 4_000_000;
  t.is(wholeNumber(`1.${"0".repeat(many)}1`), undefined);
  t.is(wholeNumber(`1${"0".repeat(many)}x`), undefined);
  t.is(wholeNumber(`1.${"0".repeat(many)}`), "1");
  t.false(isNumberText(`${"1".repeat(many)}x`));
  t.false(isBase64(`=${"\n".repeat(many)}x`));
  t.false(isBase64(`${"A".repeat(many)}%`));
  t.false(isDuration(`${"1".repeat(many)}x`));
});
