// SPDX-License-Identifier: Apache-2.0

import { refusalText } from "../settings/mod.ts";

import type { Problem } from "./decision.ts";
import { MAX_PROBLEMS } from "./decision.ts";
import { isOurs, MAX_KEYS, readSettings } from "./read-settings.ts";
import type { SettingValues } from "./service-settings.ts";
import { PREFIX, SERVICE_SETTINGS, STATEFUL } from "./service-settings.ts";

/** Reads our annotations and ignores those of others. `field` names their place in the object, for problems. */
export function readAnnotations(
  annotations: Readonly<Record<string, string>>,
  field: string,
): { readonly values: SettingValues; readonly problems: readonly Problem[] } {
  const own = Object.keys(annotations).filter((key) => key.startsWith(PREFIX));
  const texts = Object.fromEntries(
    own.slice(0, MAX_KEYS).map((key) => [key.slice(PREFIX.length), annotations[key] ?? ""]),
  );
  const { values, problems } = readSettings("annotation", texts, (key) => `${PREFIX}${key}`);
  return {
    values,
    problems: [
      ...miswritten(Object.keys(annotations), field),
      ...problems.map(({ kind, message }): Problem => {
        return { code: kind === "value" ? "BAD_ANNOTATION" : "UNKNOWN_ANNOTATION", field, message };
      }),
    ],
  };
}

/** Checks labels with our prefix. There is only one, and a mistake in it would leave a service without its state. */
export function labelProblems(labels: Readonly<Record<string, string>>, field: string): readonly Problem[] {
  const unknown = Object.keys(labels).filter((key) => isOurs(key) && key !== STATEFUL);
  const problems = unknown.slice(0, MAX_PROBLEMS).map((key): Problem => {
    const message = `the label ${key} is not known: the only one is ${STATEFUL}`;
    return { code: "UNKNOWN_ANNOTATION", field, message };
  });
  const text = labels[STATEFUL];
  if (text === undefined) return problems;
  const { form } = SERVICE_SETTINGS.stateful;
  const reading = form.read(text);
  if ("value" in reading) return problems;
  const message = refusalText(`the label ${STATEFUL}`, form, text, reading);
  return [...problems, { code: "BAD_ANNOTATION", field, message }];
}

/** Keys with our prefix in upper case or mixed case: Kubernetes accepts them, but nothing would read them. */
function miswritten(keys: readonly string[], field: string): readonly Problem[] {
  const wrong = keys.filter((key) => isOurs(key) && !key.startsWith(PREFIX));
  return wrong.slice(0, MAX_PROBLEMS).map((key): Problem => {
    const message = `${key} is not known: its first part is written ${PREFIX}`;
    return { code: "UNKNOWN_ANNOTATION", field, message };
  });
}
