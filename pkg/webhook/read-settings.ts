// SPDX-License-Identifier: Apache-2.0

import { refusalText } from "../settings/mod.ts";

import { MAX_PROBLEMS } from "./decision.ts";
import type { SettingName, SettingValues } from "./service-settings.ts";
import { PREFIX, SERVICE_SETTINGS, settingsOf } from "./service-settings.ts";

type Place = "annotation" | "config";

/** An invalid setting. The message names it, as `perdure.dev/durability`, and says what would be valid. */
export interface SettingProblem {
  readonly kind: "key" | "value";
  readonly message: string;
}

/** More than there are settings, so that of so many keys at least one is unknown, and further ones need not be read. */
export const MAX_KEYS = 100;

/** Longer than any sensible value, and short enough for the regular expressions that read values. */
const MAX_VALUE_CHARS = 4_096;

/** Whether a key has our prefix, in upper or lower case, because Kubernetes accepts both. */
export function isOurs(key: string): boolean {
  return key.slice(0, PREFIX.length).toLowerCase() === PREFIX;
}

/**
 * Reads texts by key. All problems are found, not only the first, up to `MAX_PROBLEMS`.
 *
 * @param shownKey the key as its author wrote it.
 */
export function readSettings(
  place: Place,
  texts: Readonly<Record<string, string>>,
  shownKey: (key: string) => string,
): { readonly values: SettingValues; readonly problems: readonly SettingProblem[] } {
  const known = settingsOf(place);
  const values: Partial<Record<SettingName, unknown>> = {};
  const problems: SettingProblem[] = [];
  for (const key of Object.keys(texts).sort()) {
    if (problems.length >= MAX_PROBLEMS) break;
    const text = texts[key] ?? "";
    const found = known.find(([, setting]) => setting.key === key);
    if (found === undefined) {
      problems.push({ kind: "key", message: unknownKey(place, key, shownKey) });
      continue;
    }
    const [name, { form }] = found;
    const reading =
      text.length > MAX_VALUE_CHARS
        ? { mustBe: `a text of at most ${MAX_VALUE_CHARS} characters` }
        : form.read(text);
    if ("value" in reading) values[name] = reading.value;
    else problems.push({ kind: "value", message: refusalText(shownKey(key), form, text, reading) });
  }
  return { values: values as SettingValues, problems };
}

/** Says where a key belongs that is none of this place. */
function unknownKey(place: Place, key: string, shownKey: (key: string) => string): string {
  if (Object.values(SERVICE_SETTINGS).some((setting) => setting.key === key)) {
    const right =
      place === "annotation"
        ? "for all services: put it into the ConfigMap config-perdure"
        : "for one service: annotate that";
    return `${shownKey(key)} is ${right}`;
  }
  const known = settingsOf(place).map(([, setting]) => setting.key);
  const meant = known.find((each) => each === key.toLowerCase());
  return meant === undefined
    ? `${shortened(shownKey(key))} is not known; known are ${known.map(shownKey).join(", ")}`
    : `${shownKey(key)} is not known: it is written ${shownKey(meant)}`;
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
