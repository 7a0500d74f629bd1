// SPDX-License-Identifier: Apache-2.0

import type { Form } from "./form.ts";

/** An amount of a resource, as Kubernetes writes it. */
export interface Quantity {
  readonly text: string;
  /** In the unit of the resource (bytes, processors), exact enough to compare two quantities. */
  readonly amount: number;
}

const SUFFIXES = new Map<string, number>([
  ["m", 1e-3],
  ["", 1],
  ...["k", "M", "G", "T", "P", "E"].map((suffix, index): [string, number] => [suffix, 1e3 ** (index + 1)]),
  ...["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].map((suffix, index): [string, number] => [
    suffix,
    1_024 ** (index + 1),
  ]),
]);

const MUST_BE = "a quantity above zero, like 100m or 1 for processors and 256Mi for memory";

export const quantity: Form<Quantity> = {
  shown: "a quantity like `100m` or `256Mi`",
  read: (text) => {
    const value = quantityOf(text);
    return value.amount > 0 ? { value } : { mustBe: MUST_BE };
  },
  write: ({ text }) => text,
};

/** A quantity, or `none`: no bound. */
export const quantityOrNone: Form<Quantity | "none"> = {
  shown: "a quantity, or `none`",
  read: (text) => {
    if (text === "none") return { value: text };
    const reading = quantity.read(text);
    return "value" in reading ? reading : { mustBe: `${MUST_BE}, or none` };
  },
  write: (value) => (value === "none" ? value : value.text),
};

/** The amount is NaN if the text is no quantity. */
export function quantityOf(text: string): Quantity {
  const [, digits = "", suffix = ""] = /^(\d{1,12}(?:\.\d{1,9})?)([A-Za-z]{0,2})$/.exec(text) ?? [];
  const factor = SUFFIXES.get(suffix);
  return { text, amount: digits === "" || factor === undefined ? Number.NaN : Number(digits) * factor };
}
