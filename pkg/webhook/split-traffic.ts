// SPDX-License-Identifier: Apache-2.0

import type { JsonObject } from "../k8s/mod.ts";
import { numberOf, objectsOf } from "../k8s/mod.ts";

import { canHaveSeveralPods } from "./scale.ts";
import type { SettingValues } from "./service-settings.ts";
import { PREFIX, SERVICE_SETTINGS } from "./service-settings.ts";

const SHARE = `${PREFIX}${SERVICE_SETTINGS.trafficShare.key}`;

/** Percent points by which a part of the traffic may differ from an equal part without a word about it. */
const TOLERANCE = 5;

/**
 * What is worth a warning in how a Service divides its requests. Revisions divide the entities by their own shares, and
 * Knative tells pods nothing of the traffic: without a share, a revision with a tenth of the requests, or with none,
 * would carry out the commands of half of the entities.
 *
 * @param spec of the Service
 * @param revisionName of its template, if it has one
 */
export function splitWarnings(
  spec: JsonObject,
  revisionName: string | undefined,
  values: SettingValues,
): readonly string[] {
  const targets = objectsOf(spec["traffic"]);
  const served = targets.filter((target) => percentOf(target) > 0);
  if (!canHaveSeveralPods(values)) {
    const text = "traffic is split, and each revision has a log of its own in memory, with other state";
    return served.length > 1 ? [text] : [];
  }
  if (targets.length === 0 || values.trafficShare !== undefined) return [];
  const latest = targets.filter(
    (target) => target["latestRevision"] === true || isNamed(target, revisionName),
  );
  const percent = latest.reduce((sum, target) => sum + percentOf(target), 0);
  const others = served.filter((target) => !latest.includes(target)).length;
  const equal = Math.round(100 / (others + 1));
  if (Math.abs(percent - equal) <= TOLERANCE) return [];
  return [
    `the latest revision gets ${percent} % of the requests, and without ${SHARE} about ${equal} % of the entities while it has pods`,
  ];
}

function isNamed(target: JsonObject, revisionName: string | undefined): boolean {
  return revisionName !== undefined && target["revisionName"] === revisionName;
}

function percentOf(target: JsonObject): number {
  return numberOf(target["percent"]) ?? 0;
}
