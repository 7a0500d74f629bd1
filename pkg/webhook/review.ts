// SPDX-License-Identifier: Apache-2.0

import type { JsonObject } from "../k8s/mod.ts";
import { objectOf, objectOrEmpty, textsOf } from "../k8s/mod.ts";

import { admitPod } from "./admit-pod.ts";
import { admitService } from "./admit-service.ts";
import type { Configuration } from "./configuration.ts";
import type { Decision, Problem } from "./decision.ts";
import { UNCHANGED } from "./decision.ts";

const API_VERSION = "admission.k8s.io/v1";

/** The API server cuts longer warnings (k8s.io/apiserver/pkg/warning). */
const MAX_WARNING_CHARS = 256;

/** Longer than any name in Kubernetes, or any id of a request. */
const MAX_NAME_CHARS = 253;

/** The parts of the API server's question (`AdmissionReview` of `admission.k8s.io/v1`) that matter here. */
export interface Review {
  readonly uid: string;
  /** `GROUP/RESOURCE`, with `/SUBRESOURCE` if it is one; the core group is empty: `/pods`. */
  readonly resource: string;
  readonly operation: string;
  /** Empty for a pod whose name is not generated yet. */
  readonly name: string;
  readonly namespace: string;
  readonly object: JsonObject;
  readonly oldObject: JsonObject | undefined;
}

/** Undefined if the body is no such question. It then cannot be answered. */
export function parseReview(body: unknown): Review | undefined {
  const { apiVersion, request: asked } = objectOrEmpty(body);
  const request = objectOrEmpty(asked);
  const { uid = "", subResource = "", operation = "", name = "", namespace = "" } = textsOf(request);
  const { group = "", resource = "" } = textsOf(request["resource"]);
  const object = objectOf(request["object"]);
  if (apiVersion !== API_VERSION || uid === "" || object === undefined) return undefined;
  const texts = [uid, group, resource, subResource, operation, name, namespace];
  if (texts.some((each) => each.length > MAX_NAME_CHARS)) return undefined;
  return {
    uid,
    resource: `${group}/${resource}${subResource === "" ? "" : `/${subResource}`}`,
    operation,
    name,
    namespace,
    object,
    oldObject: objectOf(request["oldObject"]),
  };
}

/**
 * Decides a question. Unexpected resources and operations are left as they are.
 *
 * @param drainSecret makes a secret for one pod.
 */
export function decide(review: Review, configuration: Configuration, drainSecret: () => string): Decision {
  const { operation, object, oldObject, namespace } = review;
  switch (review.resource) {
    case "serving.knative.dev/services":
      if (operation !== "CREATE" && operation !== "UPDATE") return UNCHANGED;
      return admitService(object, namespace, operation === "UPDATE" ? oldObject : undefined, configuration);
    case "/pods":
      return operation === "CREATE" ? admitPod(object, namespace, configuration, drainSecret) : UNCHANGED;
    default:
      return UNCHANGED;
  }
}

/** The decision as an AdmissionReview for the API server. */
export function reviewAnswer(uid: string, decision: Decision): JsonObject {
  const response = decision.kind === "allow" ? allowed(decision) : denied(decision.problems);
  return { apiVersion: API_VERSION, kind: "AdmissionReview", response: { uid, ...response } };
}

function allowed({ patch, warnings }: Extract<Decision, { kind: "allow" }>): JsonObject {
  const encoded = Buffer.from(JSON.stringify(patch)).toString("base64");
  return {
    allowed: true,
    ...(patch.length > 0 && { patchType: "JSONPatch", patch: encoded }),
    ...(warnings.length > 0 && { warnings: warnings.map((each) => each.slice(0, MAX_WARNING_CHARS)) }),
  };
}

function denied(problems: readonly Problem[]): JsonObject {
  // If the configuration is wrong, the object may be right, so a later try may succeed.
  const isOurs = problems.some(({ code }) => code === "BAD_CONFIGURATION");
  return {
    allowed: false,
    status: {
      code: isOurs ? 503 : 400,
      reason: isOurs ? "ServiceUnavailable" : "BadRequest",
      message: problems.map(({ code, message }) => `${message} (${code})`).join("; "),
      details: { causes: problems.map(({ code, field, message }) => ({ reason: code, field, message })) },
    },
  };
}
