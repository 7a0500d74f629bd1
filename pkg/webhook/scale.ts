// SPDX-License-Identifier: Apache-2.0

import type { Problem } from "./decision.ts";
import type { SettingValues } from "./service-settings.ts";

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

type Texts = Readonly<Record<string, string>>;

/**
 * Whether pods of a service may share its entities. They do on NATS. A log in memory ends with its pod, and each pod
 * would have one of its own, with other state.
 */
export function canHaveSeveralPods({ log }: SettingValues): boolean {
  return log?.kind !== "memory";
}

/** The annotations that the template needs so that a service that cannot have several pods has one. */
export function scaleChanges(template: Texts, values: SettingValues): Texts {
  if (canHaveSeveralPods(values) || find(template, ["max-scale", "maxScale"]) !== undefined) return {};
  return { [MAX_SCALE]: "1" };
}

/** Refuses annotations that ask for more than one pod of a service that cannot have several. */
export function scaleProblems(template: Texts, values: SettingValues): readonly Problem[] {
  if (canHaveSeveralPods(values)) return [];
  return RULES.flatMap(({ keys, what }): Problem[] => {
    const found = find(template, keys);
    // Knative itself refuses a value that is no number. A maximum of 0 means no maximum.
    if (found === undefined || !/^\d{1,10}$/.test(found.text)) return [];
    const count = Number(found.text);
    const isNoMaximum = count === 0 && keys.includes("max-scale");
    if (count <= 1 && !isNoMaximum) return [];
    const asked = isNoMaximum ? "any number of pods" : `${what} ${count} pods`;
    const message =
      `${found.key}=${found.text} asks for ${asked}, and a service whose log is in memory has one, because ` +
      "each pod would have other state: set it to 1, or leave it out, or leave perdure.dev/log out";
    return [{ code: "SCALE_NOT_ONE", field: FIELD, message }];
  });
}

function find(
  annotations: Texts,
  keys: readonly string[],
): { readonly key: string; readonly text: string } | undefined {
  const key = keys.map((each) => `${GROUP}${each}`).find((each) => Object.hasOwn(annotations, each));
  return key === undefined ? undefined : { key, text: annotations[key] ?? "" };
}
