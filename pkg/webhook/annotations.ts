// SPDX-License-Identifier: Apache-2.0

import type { Problem } from "./decision.ts";
import { PREFIX, readSettings } from "./settings.ts";
import type { SettingValues } from "./settings.ts";

/** Reads our annotations among others. `field` is where they stand. */
export function readAnnotations(
  annotations: Readonly<Record<string, string>>,
  field: string,
): { readonly values: SettingValues; readonly problems: readonly Problem[] } {
  const own = Object.entries(annotations).filter(([key]) => key.startsWith(PREFIX));
  const texts = Object.fromEntries(own.map(([key, text]) => [key.slice(PREFIX.length), text]));
  const { values, problems } = readSettings("annotation", texts, (key) => `${PREFIX}${key}`);
  return {
    values,
    problems: problems.map(({ kind, message }): Problem => {
      return { code: kind === "value" ? "BAD_ANNOTATION" : "UNKNOWN_ANNOTATION", field, message };
    }),
  };
}
