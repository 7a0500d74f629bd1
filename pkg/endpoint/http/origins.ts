// SPDX-License-Identifier: Apache-2.0

import type { Form } from "../../settings/mod.ts";

/** Stands for every origin. */
export const ANY_ORIGIN = "*";

/** More origins than any installation needs, and few enough to search. */
const MAX_ORIGINS = 100;

/** Origins, as browsers send them, with commas between them. */
export const originList: Form<readonly string[]> = {
  shown: `\`*\`, or up to ${MAX_ORIGINS} origins like \`https://shop.example\` with commas between them`,
  read: (text) => {
    const value = parseOrigins(text);
    const mustBe = `*, or up to ${MAX_ORIGINS} origins like https://shop.example or http://localhost:3000`;
    return value === undefined ? { mustBe } : { value };
  },
  write: (origins) => origins.join(", "),
};

/** The comma-separated origins, each `*` or as browsers send it. Undefined if one is malformed, or of too many. */
export function parseOrigins(list: string): readonly string[] | undefined {
  const origins = list.split(",").map((origin) => origin.trim());
  if (list.trim() === "") return [];
  return origins.length <= MAX_ORIGINS && origins.every(isOrigin) ? origins : undefined;
}

function isOrigin(text: string): boolean {
  return text === ANY_ORIGIN || (/^https?:\/\//.test(text) && URL.parse(text)?.origin === text);
}
