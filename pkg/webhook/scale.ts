// SPDX-License-Identifier: Apache-2.0

import type { Problem } from "./decision.ts";

const GROUP = "autoscaling.knative.dev/";

/** Annotations that ask Knative's autoscaler for a number of pods, in both spellings, with a phrase for messages. */
const RULES: readonly { readonly keys: readonly string[]; readonly what: string }[] = [
  { keys: ["max-scale", "maxScale"], what: "at most" },
  { keys: ["min-scale", "minScale"], what: "always" },
  { keys: ["initial-scale", "initialScale"], what: "at first" },
  { keys: ["activation-scale", "activationScale"], what: "from zero" },
];

const FIELD = "spec.template.metadata.annotations";
export const MAX_SCALE = `${GROUP}max-scale`;

/** The annotations that the template needs so that the service has at most one pod. */
export function scaleChanges(
  annotations: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return find(annotations, ["max-scale", "maxScale"]) === undefined ? { [MAX_SCALE]: "1" } : {};
}

/**
 * Refuses annotations that ask for more than one pod. Until proxies share a service between them, a second proxy
 * would have to read again, at each command, what the first one wrote (the log's fence, I3).
 */
export function scaleProblems(annotations: Readonly<Record<string, string>>): readonly Problem[] {
  return RULES.flatMap(({ keys, what }): Problem[] => {
    const found = find(annotations, keys);
    // Knative itself refuses a value that is no number. A maximum of 0 means no maximum.
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
