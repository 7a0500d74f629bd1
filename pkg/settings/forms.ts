// SPDX-License-Identifier: Apache-2.0

import type { Form, Reading } from "./form.ts";

/** A whole number, with its bounds and its unit; the unit is empty if the number is a plain one. */
export interface NumberForm extends Form<number> {
  readonly min: number;
  readonly max: number;
  readonly unit: string;
}

export function isNumberForm(form: Form<unknown>): form is NumberForm {
  return "unit" in form;
}

export function wholeNumber(min: number, max: number, unit = ""): NumberForm {
  const mustBe = `a whole number from ${min} to ${max}${unit === "" ? "" : ` (${unit})`}`;
  return {
    min,
    max,
    unit,
    shown: `${min} to ${max}`,
    read: (text) => {
      const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? { value } : { mustBe };
    },
    write: String,
  };
}

export const trueOrFalse: Form<boolean> = {
  shown: "`true`, `false`",
  read: (text) =>
    text === "true" || text === "false" ? { value: text === "true" } : { mustBe: "true or false" },
  write: String,
};

export function oneOf<const T extends string | number>(values: readonly T[]): Form<T> {
  const texts = values.map(String);
  return {
    shown: texts.map((text) => `\`${text}\``).join(", "),
    read: (text) => {
      const value = values[texts.indexOf(text)];
      return value === undefined ? { mustBe: alternatives(texts) } : { value };
    },
    write: String,
  };
}

/** "1, 2 or 3" */
function alternatives(texts: readonly string[]): string {
  return texts.length < 2 ? texts.join("") : `${texts.slice(0, -1).join(", ")} or ${texts.at(-1) ?? ""}`;
}

export const anyText: Form<string> = { shown: "text", read: (value) => ({ value }), write: (value) => value };

/** A text that a test accepts. */
export function textThat(isValid: (text: string) => boolean, mustBe: string, shown: string): Form<string> {
  return { ...anyText, shown, read: (value) => (isValid(value) ? { value } : { mustBe }) };
}

/** The address of something that answers HTTP without TLS. Empty: nothing. */
export const httpUrl = textThat(
  (text) => text === "" || (URL.canParse(text) && new URL(text).protocol === "http:"),
  "a URL that begins with http://",
  "`http://…`",
);

/** Values with blanks between them. */
export function listOf<T>(form: Form<T>, shown: string): Form<readonly T[]> {
  return {
    shown: `${shown}, several with blanks between them`,
    read: (text): Reading<readonly T[]> => {
      const values: T[] = [];
      for (const each of text.split(/\s+/).filter((part) => part !== "")) {
        const reading = form.read(each);
        if ("mustBe" in reading)
          return { ...reading, mustBe: `a list with blanks between its parts, each ${reading.mustBe}` };
        values.push(reading.value);
      }
      return { value: values };
    },
    write: (values) => values.map((value) => form.write(value)).join(" "),
  };
}
