// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";
import type { Operation } from "rfc6902";
import { applyPatch } from "rfc6902";

import type { JsonObject } from "../k8s/mod.ts";

import { pointer, setEntries } from "./json-patch.ts";
import { decide, parseReview, reviewAnswer } from "./review.ts";
import { CONFIGURATION } from "./testdata/apply.ts";
import { knativePod } from "./testdata/knative-pod.ts";
import { knService } from "./testdata/knative-service.ts";

function question(group: string, resource: string, object: unknown, more: object = {}): unknown {
  return {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: {
      uid: "705ab4f5-6393-11e8-b7cc-42010a800002",
      resource: { group, version: "v1", resource },
      operation: "CREATE",
      namespace: "default",
      object,
      oldObject: null,
      dryRun: false,
      ...more,
    },
  };
}

function answer(body: unknown): JsonObject {
  const review = parseReview(body);
  if (review === undefined) throw new Error("not a review");
  return (
    reviewAnswer(
      review.uid,
      decide(review, CONFIGURATION, () => "secret-of-the-pod"),
    ) as { response: JsonObject }
  ).response;
}

test("a patch goes out encoded, with the uid of the question", (t) => {
  const response = answer(question("", "pods", knativePod()));
  t.like(response, { uid: "705ab4f5-6393-11e8-b7cc-42010a800002", allowed: true, patchType: "JSONPatch" });
  const patch = JSON.parse(Buffer.from(String(response["patch"]), "base64").toString()) as Operation[];
  const pod = knativePod();
  t.deepEqual(applyPatch(pod, patch).filter(Boolean), []);
  t.is(pod.spec.containers.at(-1)?.name, "perdure-proxy");
});

test("an object that stays as it is gets no patch at all", (t) => {
  t.deepEqual(Object.keys(answer(question("serving.knative.dev", "services", knService()))), [
    "uid",
    "allowed",
  ]);
  t.deepEqual(Object.keys(answer(question("", "pods", knativePod(), { operation: "DELETE" }))), [
    "uid",
    "allowed",
  ]);
  t.deepEqual(Object.keys(answer(question("", "pods", knativePod(), { subResource: "status" }))), [
    "uid",
    "allowed",
  ]);
  t.deepEqual(Object.keys(answer(question("apps", "deployments", {}))), ["uid", "allowed"]);
});

test("a refusal carries code, place and what to do", (t) => {
  const response = answer(
    question("serving.knative.dev", "services", knService({ "perdure.dev/stateful": "1" })),
  );
  t.deepEqual(response["status"], {
    code: 400,
    reason: "BadRequest",
    message: 'perdure.dev/stateful must be true or false, not "1" (BAD_ANNOTATION)',
    details: {
      causes: [
        {
          reason: "BAD_ANNOTATION",
          field: "metadata.annotations",
          message: 'perdure.dev/stateful must be true or false, not "1"',
        },
      ],
    },
  });
});

test("a dry run is answered as the real thing is", (t) => {
  const service = knService({ "perdure.dev/stateful": "true" });
  const real = answer(question("serving.knative.dev", "services", service));
  t.deepEqual(answer(question("serving.knative.dev", "services", service, { dryRun: true })), real);
});

test("what is no review is none, and nothing throws", (t) => {
  for (const body of [
    undefined,
    null,
    1,
    [],
    {},
    { request: {} },
    question("", "pods", null),
    { ...(question("", "pods", {}) as object), apiVersion: "admission.k8s.io/v1beta1" },
  ]) {
    t.is(parseReview(body), undefined);
  }
  const property = fc.property(fc.jsonValue(), fc.constantFrom("services", "pods"), (object, resource) => {
    const review = parseReview(question(resource === "pods" ? "" : "serving.knative.dev", resource, object));
    if (review !== undefined)
      reviewAnswer(
        review.uid,
        decide(review, CONFIGURATION, () => "secret-of-the-pod"),
      );
  });
  t.notThrows(() => fc.assert(property));
});

test("entries of a map are set and removed as the standard says, whatever their keys are", (t) => {
  t.is(pointer("a/b", "m~n", 0), "/a~1b/m~0n/0");
  // Keys with these names are left out, because the library that applies the patch cannot tell them from an object's
  // own properties.
  const key = fc
    .string({ maxLength: 6 })
    .filter((text) => !["__proto__", "constructor", "prototype"].includes(text));
  const map = fc.dictionary(key, fc.string({ maxLength: 3 }));
  const wanted = fc.dictionary(key, fc.option(fc.string({ maxLength: 3 }), { nil: undefined }));
  const property = fc.property(fc.option(map, { nil: undefined }), wanted, (current, changes) => {
    const object: { map?: Record<string, string> } = current === undefined ? {} : { map: { ...current } };
    const operations = setEntries("/map", current, changes);
    t.deepEqual(applyPatch(object, operations as Operation[]).filter(Boolean), []);
    for (const [name, value] of Object.entries(changes)) t.is(object.map?.[name], value);
    for (const name of Object.keys(current ?? {})) {
      if (!Object.hasOwn(changes, name)) t.is(object.map?.[name], current?.[name]);
    }
    t.deepEqual(setEntries("/map", object.map, changes), []);
  });
  fc.assert(property, { numRuns: 500 });
});
