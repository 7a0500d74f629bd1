// SPDX-License-Identifier: Apache-2.0

import type { Problem } from "./decision.ts";

const GROUP = "autoscaling.knative.dev/";

/** What Knative's autoscaler is asked for, by its two spellings, and whether it may be as large as `1`. */
const RULES: readonly { readonly keys: readonly string[]; readonly what: string }[] = [
  { keys: ["max-scale", "maxScale"], what: "at most" },
  { keys: ["min-scale", "minScale"], what: "always" },
  { keys: ["initial-scale", "initialScale"], what: "at first" },
  { keys: ["activation-scale", "activationScale"], what: "from zero" },
];

const FIELD = "spec.template.metadata.annotations";
export const MAX_SCALE = `${GROUP}max-scale`;

/** What has to be set in the template so that the service has at most one pod. */
export function scaleChanges(
  annotations: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return find(annotations, ["max-scale", "maxScale"]) === undefined ? { [MAX_SCALE]: "1" } : {};
}

/**
 * What asks for more than one pod. Until proxies share a service between them, a second one would have to read again
 * what the first one wrote, at each command (the log's fence, I3).
 */
export function scaleProblems(annotations: Readonly<Record<string, string>>): readonly Problem[] {
  return RULES.flatMap(({ keys, what }): Problem[] => {
    const found = find(annotations, keys);
    // Knative says itself what is not a number. As a maximum 0 means none.
    if (found === undefined || !/^\d{1,10}$/.test(found.text)) return [];
    const count = Number(found.text);
    const isNoMaximum = count === 0 && keys.includes("max-scale");
    if (count <= 1 && !isNoMaximum) return [];
    const asked = isNoMaximum ? "any number of pods" : `${what} ${count} pods`;
    const message = `${found.key}=${found.text} asks for ${asked}, and a stateful service has one: set it to 1, or leave it out`;
    return [{ code: "SCALE_NOT_ONE", field: FIELD, message }];
  });
}

function find(
  annotations: Readonly<Record<string, string>>,
  keys: readonly string[],
): { readonly key: string; readonly text: string } | undefined {
  const key = keys.map((each) => `${GROUP}${each}`).find((each) => Object.hasOwn(annotations, each));
  return key === undefined ? undefined : { key, text: annotations[key] ?? "" };
}
