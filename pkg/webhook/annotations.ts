// SPDX-License-Identifier: Apache-2.0

import { MAX_PROBLEMS } from "./decision.ts";
import type { Problem } from "./decision.ts";
import { isOurs, MAX_KEYS, PREFIX, readSettings, STATEFUL } from "./settings.ts";
import type { SettingValues } from "./settings.ts";

/** Reads our annotations among others. `field` is where they stand. */
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

/** Labels that begin as ours do. There is one, and a slip in it would leave a service without its state. */
export function labelProblems(labels: Readonly<Record<string, string>>, field: string): readonly Problem[] {
  const unknown = Object.keys(labels).filter((key) => isOurs(key) && key !== STATEFUL);
  const problems = unknown.slice(0, MAX_PROBLEMS).map((key): Problem => {
    const message = `the label ${key} is not known: the only one is ${STATEFUL}`;
    return { code: "UNKNOWN_ANNOTATION", field, message };
  });
  const text = labels[STATEFUL];
  if (text === undefined || text === "true" || text === "false") return problems;
  const message = `the label ${STATEFUL}=${JSON.stringify(text)} is either true or false`;
  return [...problems, { code: "BAD_ANNOTATION", field, message }];
}

/** Keys whose first part is ours in other letters: Kubernetes accepts them, and nothing would read them. */
function miswritten(keys: readonly string[], field: string): readonly Problem[] {
  const wrong = keys.filter((key) => isOurs(key) && !key.startsWith(PREFIX));
  return wrong.slice(0, MAX_PROBLEMS).map((key): Problem => {
    const message = `${key} is not known: its first part is written ${PREFIX}`;
    return { code: "UNKNOWN_ANNOTATION", field, message };
  });
}
