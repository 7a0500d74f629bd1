// SPDX-License-Identifier: Apache-2.0

import type { Problem } from "./decision.ts";
import { annotationProblem, MAX_PROBLEMS } from "./decision.ts";
import { isOurs, MAX_KEYS } from "./read-settings.ts";

/** Texts by key. */
type Texts = Readonly<Record<string, string>>;

/** The annotations of a Service and of its template: one side each. */
export interface Sides {
  readonly service: Texts;
  readonly template: Texts;
}

/** The result of merging both sides. */
export interface Agreement {
  /** Our annotations, with the prefix, as they hold for the next revision. */
  readonly texts: Texts;
  /** What must change in the template; undefined removes an annotation. */
  readonly changes: Readonly<Record<string, string | undefined>>;
  readonly problems: readonly Problem[];
}

/**
 * Copies our annotations of a Service to its template, because only those of the template reach revisions and pods. For
 * each annotation:
 *
 * - Only the Service has it: it is copied.
 * - Only the template has it: it stays, unless it was such a copy and has just been removed from the Service.
 * - They differ: the side that this request changed is right. If it changed both, or made the object, it is a conflict.
 *
 * Applied to its own result it changes nothing.
 *
 * @param old the object before this request; undefined if the request makes it.
 */
export function agree(now: Sides, old: Sides | undefined): Agreement {
  const texts: Record<string, string> = {};
  const changes: Record<string, string | undefined> = {};
  const problems: Problem[] = [];
  for (const key of ownKeys(now)) {
    const verdict = decide(key, now, old);
    if (verdict.kind === "conflict") {
      if (problems.length >= MAX_PROBLEMS) break;
      const message = `${key} is ${quote(now.service[key])} on the Service and ${quote(now.template[key])} on its template: let them agree, or keep one`;
      problems.push(annotationProblem("CONFLICTING_ANNOTATIONS", message));
      continue;
    }
    if (verdict.value !== now.template[key]) changes[key] = verdict.value;
    if (verdict.value !== undefined) texts[key] = verdict.value;
  }
  return { texts, changes, problems };
}

type Verdict = { readonly kind: "value"; readonly value: string | undefined } | { readonly kind: "conflict" };

function decide(key: string, now: Sides, old: Sides | undefined): Verdict {
  const [service, template] = [now.service[key], now.template[key]];
  const [oldService, oldTemplate] = [old?.service[key], old?.template[key]];
  if (service === template || template === undefined) return { kind: "value", value: service };
  if (service === undefined) {
    const wasCopy = oldService !== undefined && oldService === oldTemplate && template === oldTemplate;
    return { kind: "value", value: wasCopy ? undefined : template };
  }
  const serviceChanged = service !== oldService;
  const templateChanged = template !== oldTemplate;
  if (serviceChanged && templateChanged) return { kind: "conflict" };
  return { kind: "value", value: serviceChanged ? service : template };
}

function ownKeys({ service, template }: Sides): readonly string[] {
  const keys = new Set<string>();
  for (const side of [service, template])
    for (const key of Object.keys(side)) if (keys.size < MAX_KEYS && isOurs(key)) keys.add(key);
  return [...keys].sort();
}

function quote(text: string | undefined): string {
  return JSON.stringify((text ?? "").slice(0, 80));
}
