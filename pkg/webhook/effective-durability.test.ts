// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { objectOf } from "../k8s/mod.ts";

import { admitService } from "./admit-service.ts";
import type { Configuration } from "./configuration.ts";
import { applied, CONFIGURATION, codes } from "./testdata/apply.ts";
import type { KnativeService } from "./testdata/knative-service.ts";
import { knService, plainService } from "./testdata/knative-service.ts";

const STATEFUL = { "perdure.dev/stateful": "true" };
const SHOWN = "perdure.dev/effective-durability";
const RELAXED: Configuration =
  CONFIGURATION.kind === "valid"
    ? { kind: "valid", values: { ...CONFIGURATION.values, durability: "relaxed" } }
    : CONFIGURATION;

function admit(now: KnativeService, configuration = CONFIGURATION, old?: KnativeService) {
  return admitService(objectOf(now) ?? {}, "default", objectOf(old), configuration);
}

function shown(annotations: Record<string, string>, configuration = CONFIGURATION): string | undefined {
  const service = plainService({ ...STATEFUL, ...annotations });
  return applied(service, admit(service, configuration)).metadata.annotations?.[SHOWN];
}

test("a service shows its durability and what that comes from", (t) => {
  t.is(shown({}), "strict (default)");
  t.is(shown({}, RELAXED), "relaxed (config-perdure)");
  t.is(shown({ "perdure.dev/durability": "strict" }, RELAXED), "strict (annotation)");
  t.is(shown({ "perdure.dev/durability": "relaxed" }), "relaxed (annotation)");
  t.is(shown({ "perdure.dev/log": "memory:" }), "none (the log is in memory)");
});

test("it stays on the Service, so that no revision is made for it, and follows the next change", (t) => {
  const service = knService(STATEFUL);
  const made = applied(service, admit(service));
  t.is(made.spec.template.metadata?.annotations?.[SHOWN], undefined);
  const later = applied(made, admit(made, RELAXED, made));
  t.is(later.metadata.annotations?.[SHOWN], "relaxed (config-perdure)");
  t.deepEqual(later.spec, made.spec);
  t.deepEqual(admit(later, RELAXED, later), { kind: "allow", patch: [], warnings: [] });
});

test("what somebody else writes there means nothing, and is no setting of the template", (t) => {
  t.is(shown({ [SHOWN]: "strict (default)" }, RELAXED), "relaxed (config-perdure)");
  const service = knService({ ...STATEFUL, [SHOWN]: "strict" });
  t.deepEqual(codes(admit(service)), ["UNKNOWN_ANNOTATION"], "kn writes it to the template too");
});

test("it goes when the service is no longer stateful", (t) => {
  const made = applied(plainService(STATEFUL), admit(plainService(STATEFUL)));
  const removed = structuredClone(made);
  delete removed.metadata.annotations?.["perdure.dev/stateful"];
  const decision = admit(removed, CONFIGURATION, made);
  t.deepEqual(applied(removed, decision).metadata.annotations, {});
  t.false(decision.kind === "allow" && decision.warnings.some((warning) => warning.includes(SHOWN)));
});
