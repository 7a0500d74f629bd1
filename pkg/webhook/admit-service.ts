// SPDX-License-Identifier: Apache-2.0

import type { JsonObject } from "../k8s/mod.ts";
import { objectOf, objectOrEmpty, textOf, textsOf } from "../k8s/mod.ts";

import type { Agreement, Sides } from "./annotation-sides.ts";
import { agree } from "./annotation-sides.ts";
import { labelProblems, readAnnotations } from "./annotations.ts";
import type { Configuration } from "./configuration.ts";
import { configurationProblem, serviceOptions } from "./configuration.ts";
import type { Decision, Problem } from "./decision.ts";
import { ANNOTATIONS, deny, UNCHANGED } from "./decision.ts";
import { EFFECTIVE_DURABILITY, effectiveDurability } from "./effective-durability.ts";
import type { PatchOperation } from "./json-patch.ts";
import { setEntries } from "./json-patch.ts";
import type { LogOwner } from "./log-rules.ts";
import { logChange } from "./log-rules.ts";
import { portTaken, reservedProblems } from "./reserved.ts";
import { MAX_SCALE, scaleChanges, scaleProblems } from "./scale.ts";
import type { SettingValues } from "./service-settings.ts";
import { PREFIX, STATEFUL } from "./service-settings.ts";
import { splitWarnings } from "./split-traffic.ts";

const METADATA_PATH = "/spec/template/metadata";
const OWN_ANNOTATIONS_PATH = "/metadata/annotations";

/** The parts of a Knative Service that matter here. */
interface Service {
  readonly name: string;
  /** Without `EFFECTIVE_DURABILITY` of the Service, which is no setting. */
  readonly sides: Sides;
  /** Annotations of the Service itself, as they are. */
  readonly ownAnnotations: unknown;
  readonly labels: Readonly<Record<string, string>>;
  /** Labels of the Service itself, which Knative does not copy to pods. */
  readonly ownLabels: Readonly<Record<string, string>>;
  /** Undefined if the template has none. */
  readonly metadata: JsonObject | undefined;
  readonly spec: JsonObject;
  readonly revisionName: string | undefined;
}

/** What the webhook changes in metadata; undefined removes an entry. */
interface Changes {
  /** Of the template. */
  readonly annotations: Readonly<Record<string, string | undefined>>;
  readonly labels: Readonly<Record<string, string | undefined>>;
  /** Of the Service itself, for people who look at it. */
  readonly shown: Readonly<Record<string, string | undefined>>;
}

/**
 * Decides about a Knative Service (`serving.knative.dev/v1`) that is created or changed. The template of a stateful one
 * gets the label that the Pod webhook selects by, our annotations, and a maximum of one pod if its pods could not share
 * a log. Only the metadata of the template is changed, and one annotation of the Service, which shows how durable it
 * is. A service without an annotation or label of ours is not changed at all.
 *
 * @param namespace of the request.
 * @param old the object before the change; undefined if it is new.
 */
export function admitService(
  object: JsonObject,
  namespace: string,
  old: JsonObject | undefined,
  configuration: Configuration,
): Decision {
  // A deletion must not be held up.
  if (objectOf(object["metadata"])?.["deletionTimestamp"] !== undefined) return UNCHANGED;
  const now = readService(object);
  // Left to Knative, which refuses it with a better reason.
  if (now === undefined) return UNCHANGED;
  const before = old === undefined ? undefined : readService(old);
  const agreement = agree(now.sides, before?.sides);
  const label = now.labels[STATEFUL];

  const { values, problems } = readAnnotations(agreement.texts, ANNOTATIONS);
  const wrong = [
    ...agreement.problems,
    ...problems,
    ...labelProblems(now.labels, "spec.template.metadata.labels"),
    ...labelProblems(now.ownLabels, "metadata.labels"),
  ];
  if (wrong.length > 0) return deny(...wrong);

  const stateful = isStateful(values, label, before);
  const shown =
    stateful && configuration.kind === "valid"
      ? effectiveDurability(values, configuration.values)
      : undefined;
  const changes = stateful ? statefulChanges(now, agreement, values, shown) : otherChanges(now, agreement);
  const refused = stateful
    ? [
        ...scaleProblems(now.sides.template, values),
        ...reservedProblems(now.spec, "spec.template.spec"),
        ...valueProblems({ namespace, service: now.name }, values, before, configuration),
      ]
    : [];
  refused.push(...nameProblems(now, before, changes));
  if (refused.length > 0) return deny(...refused);
  const warnings = stateful
    ? splitWarnings(objectOrEmpty(object["spec"]), now.revisionName, values)
    : leftOverWarnings(now);
  return { kind: "allow", patch: patchOf(now, changes), warnings };
}

/** Undefined if the template is malformed. */
function readService(object: JsonObject): Service | undefined {
  const template = objectOf(objectOf(object["spec"])?.["template"]);
  const metadata = objectOf(template?.["metadata"] ?? {});
  if (template === undefined || metadata === undefined) return undefined;
  const ownAnnotations = objectOf(object["metadata"])?.["annotations"];
  const { [EFFECTIVE_DURABILITY]: _, ...service } = textsOf(ownAnnotations);
  return {
    name: textOf(objectOf(object["metadata"])?.["name"]) ?? "",
    sides: { service, template: textsOf(metadata["annotations"]) },
    ownAnnotations,
    labels: textsOf(metadata["labels"]),
    ownLabels: textsOf(objectOf(object["metadata"])?.["labels"]),
    metadata: objectOf(template["metadata"]),
    spec: objectOrEmpty(template["spec"]),
    revisionName: textOf(metadata["name"]),
  };
}

/**
 * The annotation decides. Without it the label decides, because it may be set by hand, unless the label is only left
 * over from an annotation that this request removed.
 */
function isStateful(values: SettingValues, label: string | undefined, before: Service | undefined): boolean {
  if (values.stateful !== undefined) return values.stateful;
  if (label !== "true") return false;
  const old = before?.sides;
  return old?.service[STATEFUL] !== "true" && old?.template[STATEFUL] !== "true";
}

function statefulChanges(
  now: Service,
  agreement: Agreement,
  values: SettingValues,
  shown: string | undefined,
): Changes {
  return {
    annotations: { ...agreement.changes, ...scaleChanges(now.sides.template, values) },
    labels: { [STATEFUL]: "true" },
    shown: { [EFFECTIVE_DURABILITY]: shown },
  };
}

/** For a service that is not, or no longer, stateful: removes what we wrote, updates copies, adds nothing. */
function otherChanges(now: Service, agreement: Agreement): Changes {
  const known = Object.entries(agreement.changes).filter(([key]) => Object.hasOwn(now.sides.template, key));
  return {
    annotations: Object.fromEntries(known),
    labels: now.labels[STATEFUL] === "true" ? { [STATEFUL]: undefined } : {},
    shown: { [EFFECTIVE_DURABILITY]: undefined },
  };
}

function leftOverWarnings(now: Service): readonly string[] {
  const warnings: string[] = [];
  if (now.labels[STATEFUL] === "true" && now.sides.template[MAX_SCALE] === "1") {
    warnings.push(
      `the service is no longer stateful; ${MAX_SCALE}=1 is left: remove it if there may be several pods`,
    );
  }
  const keys = Object.keys(now.sides.service).filter((key) => key.startsWith(PREFIX) && key !== STATEFUL);
  if (keys.length > 0) warnings.push(`${keys.sort().join(", ")}: without ${STATEFUL}=true they mean nothing`);
  return warnings;
}

/** Problems that would otherwise show only later, in each pod, and changes that would leave the state behind. */
function valueProblems(
  owner: LogOwner,
  values: SettingValues,
  before: Service | undefined,
  configuration: Configuration,
): readonly Problem[] {
  const port = values.userFunctionPort;
  const taken = port === undefined ? undefined : portTaken(port, ANNOTATIONS);
  const problems = taken === undefined ? [] : [taken];
  if (configuration.kind === "invalid") return [...problems, configurationProblem(configuration)];
  const chosen = serviceOptions(owner, values, configuration.values);
  if ("problems" in chosen) return [...problems, ...chosen.problems];
  if (before === undefined || before.labels[STATEFUL] !== "true") return problems;
  // The annotations of the old template count, because revisions and pods have those.
  const old = readAnnotations(before.sides.template, ANNOTATIONS);
  const change = logChange(owner, old.values, values, configuration.values);
  return change === undefined ? problems : [...problems, change];
}

/**
 * Knative refuses a template that changes and keeps its name. The user did not write these changes and would not
 * understand that refusal, so the webhook explains it first. If the old template already has what we write, nothing
 * changes.
 */
function nameProblems(now: Service, before: Service | undefined, changes: Changes): readonly Problem[] {
  if (before === undefined || now.revisionName === undefined || now.revisionName !== before.revisionName)
    return [];
  const changed = [
    ...differing(changes.annotations, before.sides.template),
    ...differing(changes.labels, before.labels),
  ];
  if (changed.length === 0) return [];
  const message =
    `the template keeps its name ${now.revisionName}, and ${changed.join(", ")} would change in it: ` +
    "give the new revision another name (kn: --revision-name), or remove spec.template.metadata.name";
  return [{ code: "REVISION_NAME_UNCHANGED", field: "spec.template.metadata.name", message }];
}

function differing(wanted: Changes["labels"], current: Readonly<Record<string, string>>): readonly string[] {
  return Object.keys(wanted)
    .sort()
    .filter((key) => wanted[key] !== current[key]);
}

function patchOf({ metadata, ownAnnotations }: Service, changes: Changes): readonly PatchOperation[] {
  const patch = [
    ...setEntries(`${METADATA_PATH}/annotations`, metadata?.["annotations"], changes.annotations),
    ...setEntries(`${METADATA_PATH}/labels`, metadata?.["labels"], changes.labels),
  ];
  const isMissing = metadata === undefined && patch.length > 0;
  return [
    ...setEntries(OWN_ANNOTATIONS_PATH, ownAnnotations, changes.shown),
    ...(isMissing ? [{ op: "add", path: METADATA_PATH, value: {} } as const] : []),
    ...patch,
  ];
}
