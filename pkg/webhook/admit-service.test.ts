// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import type { JsonObject } from "../k8s/mod.ts";
import { objectOf } from "../k8s/mod.ts";

import { admitService } from "./admit-service.ts";
import type { Decision } from "./decision.ts";
import { applied, CONFIGURATION, codes } from "./testdata/apply.ts";
import type { KnativeService } from "./testdata/knative-service.ts";
import { knService, plainService } from "./testdata/knative-service.ts";

const STATEFUL = { "perdure.dev/stateful": "true" };
const MAX_SCALE = "autoscaling.knative.dev/max-scale";

function admit(now: KnativeService, old?: KnativeService): Decision {
  return admitService(objectOf(now) ?? {}, "default", objectOf(old), CONFIGURATION);
}

function annotate(service: KnativeService, annotations: Record<string, string>): KnativeService {
  const copy = structuredClone(service);
  const metadata = (copy.spec.template.metadata ??= {});
  metadata.annotations = { ...metadata.annotations, ...annotations };
  return copy;
}

test("a stateful service gets the label, and nothing else changes", (t) => {
  const service = knService(STATEFUL);
  const decision = admit(service);
  t.deepEqual(decision, {
    kind: "allow",
    patch: [
      {
        op: "add",
        path: "/metadata/annotations/perdure.dev~1effective-durability",
        value: "strict (default)",
      },
      { op: "add", path: "/spec/template/metadata/labels", value: STATEFUL },
    ],
    warnings: [],
  });
});

test("annotations of the Service alone are copied to a template that has no metadata", (t) => {
  const result = applied(
    plainService({ ...STATEFUL, "perdure.dev/durability": "strict", other: "x" }),
    admit(plainService({ ...STATEFUL, "perdure.dev/durability": "strict", other: "x" })),
  );
  t.deepEqual(result.spec.template.metadata, {
    annotations: { ...STATEFUL, "perdure.dev/durability": "strict" },
    labels: STATEFUL,
  });
});

test("a service without an annotation of ours is left as it is, also one that makes no sense", (t) => {
  for (const service of [knService(), plainService(), knService({ "other.dev/stateful": "true" })]) {
    t.deepEqual(admit(service), { kind: "allow", patch: [], warnings: [] });
  }
  for (const object of [
    {},
    { spec: 1 },
    { spec: { template: [] } },
    { metadata: { annotations: STATEFUL } },
  ]) {
    t.deepEqual(admitService(object, "default", undefined, CONFIGURATION), {
      kind: "allow",
      patch: [],
      warnings: [],
    });
  }
  const many = annotate(knService(), { [MAX_SCALE]: "7" });
  t.deepEqual(admit(many, many), { kind: "allow", patch: [], warnings: [] });
});

test("stateful=false is a service like any other", (t) => {
  const service = knService({ "perdure.dev/stateful": "false" });
  t.deepEqual(admit(service), { kind: "allow", patch: [], warnings: [] });
});

test("the label alone, set by hand, makes a service stateful too", (t) => {
  const service = knService();
  service.spec.template.metadata = { ...service.spec.template.metadata, labels: { ...STATEFUL } };
  const patch = applied(service, admit(service));
  t.is(patch.metadata.annotations?.["perdure.dev/effective-durability"], "strict (default)");
  service.spec.template.metadata.labels = { "perdure.dev/stateful": "yes" };
  t.deepEqual(codes(admit(service)), ["BAD_ANNOTATION"]);
});

const SCALES = ["max-scale", "maxScale", "min-scale", "minScale", "initial-scale", "activation-scale"];

function scaled(service: KnativeService, key: string, value: string): KnativeService {
  return annotate(service, { [`autoscaling.knative.dev/${key}`]: value });
}

test("a service has as many pods as it asks for, and no maximum of ours", (t) => {
  const stateful = knService(STATEFUL);
  t.is(applied(stateful, admit(stateful)).spec.template.metadata?.annotations?.[MAX_SCALE], undefined);
  for (const key of SCALES) {
    const asked = scaled(stateful, key, "3");
    const { annotations } = applied(asked, admit(asked)).spec.template.metadata ?? {};
    t.deepEqual(annotations, asked.spec.template.metadata?.annotations, key);
  }
});

test("a service with a log in memory has one pod, and whatever asks for more is refused", (t) => {
  const stateful = knService({ ...STATEFUL, "perdure.dev/log": "memory:" });
  t.is(applied(stateful, admit(stateful)).spec.template.metadata?.annotations?.[MAX_SCALE], "1");
  const asked = (key: string, value: string) => codes(admit(scaled(stateful, key, value)));
  for (const key of SCALES) t.deepEqual(asked(key, "2"), ["SCALE_NOT_ONE"], key);
  t.deepEqual(asked("max-scale", "0"), ["SCALE_NOT_ONE"], "no maximum");
  for (const key of ["max-scale", "min-scale", "initial-scale"]) t.deepEqual(asked(key, "1"), [], key);
  for (const key of ["min-scale", "initial-scale"]) t.deepEqual(asked(key, "0"), [], key);
  t.deepEqual(asked("max-scale", "many"), [], "Knative says it better");
  const kept = scaled(stateful, "maxScale", "1");
  t.is(applied(kept, admit(kept)).spec.template.metadata?.annotations?.[MAX_SCALE], undefined);
  const decision = admit(scaled(stateful, "min-scale", "3"));
  const message = decision.kind === "deny" ? decision.problems[0]?.message : "";
  t.regex(message ?? "", /min-scale=3 asks for always 3 pods.*log is in memory has one/);
});

test("an annotation that is unknown, misplaced or makes no sense is refused with what would", (t) => {
  const problem = (annotations: Record<string, string>) => {
    const decision = admit(plainService(annotations));
    return decision.kind === "deny" ? decision.problems[0] : undefined;
  };
  t.like(problem({ "perdure.dev/statefull": "true" }), { code: "UNKNOWN_ANNOTATION" });
  t.regex(problem({ "perdure.dev/statefull": "true" })?.message ?? "", /known are perdure.dev\/stateful, /);
  t.regex(problem({ "perdure.dev/nats-url": "nats://x" })?.message ?? "", /config-perdure/);
  t.like(problem({ "perdure.dev/stateful": "yes" }), {
    code: "BAD_ANNOTATION",
    field: "metadata.annotations",
    message: 'perdure.dev/stateful must be true or false, not "yes"',
  });
  t.regex(
    problem({ ...STATEFUL, "perdure.dev/log": "nats://me:secret@nats:4222/x" })?.message ?? "",
    /^(?!.*secret@).*Secret/,
  );
  t.like(
    problem({ ...STATEFUL, "perdure.dev/proxy-memory": "1Gi", "perdure.dev/proxy-memory-limit": "512Mi" }),
    {
      code: "BAD_ANNOTATION",
    },
  );
});

test("a key of ours in other letters is refused, on either side and as a label", (t) => {
  for (const key of ["perdure.dev/Stateful", "Perdure.dev/stateful", "PERDURE.DEV/log", "perdure.dev/Log"]) {
    t.deepEqual(codes(admit(plainService({ [key]: "true" }))), ["UNKNOWN_ANNOTATION"], key);
    t.deepEqual(codes(admit(annotate(plainService(), { [key]: "true" }))), ["UNKNOWN_ANNOTATION"], key);
  }
  for (const labels of [{ "perdure.dev/Stateful": "true" }, { "perdure.dev/other": "x" }]) {
    const [template, own] = [knService(STATEFUL), knService(STATEFUL)];
    template.spec.template.metadata = { ...template.spec.template.metadata, labels };
    own.metadata["labels"] = labels;
    t.deepEqual(codes(admit(template)), ["UNKNOWN_ANNOTATION"]);
    t.deepEqual(codes(admit(own)), ["UNKNOWN_ANNOTATION"]);
  }
  const decision = admit(plainService({ "perdure.dev/Log": "x" }));
  t.like(decision.kind === "deny" ? decision.problems[0] : {}, {
    message: "perdure.dev/Log is not known: it is written perdure.dev/log",
  });
});

const NATS = "nats://nats.perdure-system.svc:4222";

test("the log of another namespace, copies without servers, and a proxy of one's own are refused", (t) => {
  const asked = (key: string, value: string) => codes(admit(plainService({ ...STATEFUL, [key]: value })));
  t.deepEqual(asked("perdure.dev/log", `${NATS}/bank_cart`), ["LOG_OF_ANOTHER"]);
  t.deepEqual(asked("perdure.dev/log", "nats://elsewhere:4222"), ["LOG_NOT_ALLOWED"]);
  t.deepEqual(asked("perdure.dev/log-replicas", "5"), ["TOO_FEW_SERVERS"]);
  t.deepEqual(asked("perdure.dev/proxy-image", "docker.io/me/proxy"), ["IMAGE_NOT_ALLOWED"]);
  t.deepEqual(asked("perdure.dev/log", `${NATS}/default_cart`), []);
  t.deepEqual(asked("perdure.dev/log", NATS), []);
  t.deepEqual(asked("perdure.dev/log-replicas", "3"), []);
  t.deepEqual(asked("perdure.dev/proxy-image", "dev.local/perdure-proxy:dev"), []);
});

test("the log of a service that is there changes only with its owner's word for the new one", (t) => {
  const of = (annotations: Record<string, string>): KnativeService => {
    const service = plainService({ ...STATEFUL, ...annotations });
    return applied(service, admit(service));
  };
  const changed = (old: KnativeService, annotations: Record<string, string>): string[] => {
    const service = structuredClone(old);
    service.metadata.annotations = { ...STATEFUL, ...annotations };
    return codes(admit(service, old));
  };
  const log = `${NATS}/default_cart_v2`;
  const before = of({});
  t.deepEqual(changed(before, { "perdure.dev/log": log }), ["LOG_CHANGED"]);
  t.deepEqual(changed(before, { "perdure.dev/log": "memory:" }), ["LOG_CHANGED"]);
  t.deepEqual(changed(before, { "perdure.dev/log": log, "perdure.dev/confirm-log": NATS }), ["LOG_CHANGED"]);
  t.deepEqual(changed(before, { "perdure.dev/log": log, "perdure.dev/confirm-log": log }), []);
  t.deepEqual(changed(before, { "perdure.dev/log": NATS }), [], "the same in other words");
  t.deepEqual(changed(before, { "perdure.dev/log": `${NATS}/default_cart` }), [], "the same in other words");

  const moved = of({ "perdure.dev/log": log, "perdure.dev/confirm-log": log });
  t.deepEqual(changed(moved, { "perdure.dev/log": log }), [], "the word may go");
  t.deepEqual(changed(moved, { "perdure.dev/confirm-log": log }), ["LOG_CHANGED"], "back is a change too");
  t.deepEqual(changed(moved, {}), ["LOG_CHANGED"]);

  const byTemplate = annotate(before, { "perdure.dev/log": log });
  t.deepEqual(codes(admit(byTemplate, before)), ["LOG_CHANGED"]);
  const plain = plainService({});
  t.deepEqual(changed(plain, { "perdure.dev/log": log }), [], "it had no state");
});

test("of very many problems the first ones are told, in an answer of a few kilobytes", (t) => {
  const keys = Array.from({ length: 50_000 }, (_, index) => [`perdure.dev/${index}`, "x"]);
  const long = {
    "perdure.dev/log-level": "/".repeat(1_000_000),
    [`perdure.dev/${"y".repeat(1_000_000)}`]: "",
  };
  for (const annotations of [Object.fromEntries(keys), long]) {
    for (const service of [
      plainService(annotations),
      annotate(plainService(annotations), { [MAX_SCALE]: "5" }),
    ]) {
      const decision = admit(service);
      t.is(decision.kind, "deny");
      t.true(JSON.stringify(decision).length < 20_000);
    }
  }
});

test("all that is wrong is said at once", (t) => {
  const inMemory = { ...STATEFUL, "perdure.dev/log": "memory:", "perdure.dev/user-function-port": "9000" };
  const service = annotate(knService(inMemory), { [MAX_SCALE]: "3" });
  service.spec.template.spec.containers.push({ name: "perdure-proxy", ports: [{ containerPort: 8112 }] });
  service.spec.template.spec["volumes"] = [{ name: "perdure-nats" }];
  t.deepEqual(codes(admit(service)), [
    "SCALE_NOT_ONE",
    "NAME_TAKEN",
    "NAME_TAKEN",
    "PORT_TAKEN",
    "PORT_TAKEN",
  ]);
});

test("nothing becomes stateful while config-perdure is wrong, and other services do not care", (t) => {
  const invalid = { kind: "invalid", problem: "proxy-image is missing" } as const;
  const refused = admitService(knService(STATEFUL) as unknown as JsonObject, "default", undefined, invalid);
  t.deepEqual(codes(refused), ["BAD_CONFIGURATION"]);
  t.deepEqual(codes(admitService(knService() as unknown as JsonObject, "default", undefined, invalid)), []);
});

test("a change of the Service's annotation reaches the template, its removal too", (t) => {
  const old = applied(plainService(STATEFUL), admit(plainService(STATEFUL)));
  const changed = structuredClone(old);
  changed.metadata.annotations = { ...STATEFUL, "perdure.dev/log-level": "debug" };
  const then = applied(changed, admit(changed, old));
  t.is(then.spec.template.metadata?.annotations?.["perdure.dev/log-level"], "debug");

  const removed = structuredClone(then);
  removed.metadata.annotations = {};
  t.deepEqual(applied(removed, admit(removed, then)).spec.template.metadata, { annotations: {}, labels: {} });
});

test("a service that is stateful no longer keeps its maximum of one pod, with a warning", (t) => {
  const inMemory = plainService({ ...STATEFUL, "perdure.dev/log": "memory:" });
  const old = applied(inMemory, admit(inMemory));
  const removed = structuredClone(old);
  removed.metadata.annotations = {};
  const decision = admit(removed, old);
  t.deepEqual(applied(removed, decision).spec.template.metadata, {
    annotations: { [MAX_SCALE]: "1" },
    labels: {},
  });
  t.regex(decision.kind === "allow" ? (decision.warnings[0] ?? "") : "", /max-scale=1 is left/);
});

test("kn removes annotations on both sides, and the label goes with them", (t) => {
  const old = applied(knService(STATEFUL), admit(knService(STATEFUL)));
  const removed = structuredClone(old);
  delete removed.metadata.annotations;
  delete removed.spec.template.metadata?.annotations?.["perdure.dev/stateful"];
  t.deepEqual(applied(removed, admit(removed, old)).spec.template.metadata?.labels, {});
});

test("sides that contradict each other are refused when both are new, else the newer one holds", (t) => {
  const service = annotate(knService(STATEFUL), { "perdure.dev/stateful": "false" });
  t.deepEqual(codes(admit(service)), ["CONFLICTING_ANNOTATIONS"]);
  const old = applied(knService(STATEFUL), admit(knService(STATEFUL)));
  const newer = annotate(old, { "perdure.dev/stateful": "false" });
  t.deepEqual(applied(newer, admit(newer, old)).spec.template.metadata?.labels, {});
});

test("a named revision is refused if we would have to change it, and left in peace if it has all it needs", (t) => {
  const named = plainService();
  named.spec.template.metadata = { name: "cart-first" };
  const annotated = structuredClone(named);
  annotated.metadata.annotations = { ...STATEFUL };
  t.deepEqual(codes(admit(annotated, named)), ["REVISION_NAME_UNCHANGED"]);
  t.deepEqual(codes(admit(annotated)), [], "it is new");

  const renamed = structuredClone(annotated);
  renamed.spec.template.metadata = { name: "cart-second" };
  t.deepEqual(codes(admit(renamed, named)), []);

  // The user's manifest, sent again, does not contain what the webhook added.
  const stored = applied(annotated, admit(annotated));
  t.deepEqual(applied(annotated, admit(annotated, stored)), stored);
});

test("what is being deleted is not held up", (t) => {
  const service = knService({ "perdure.dev/stateful": "nonsense" });
  service.metadata["deletionTimestamp"] = "2026-11-20T10:00:00Z";
  t.deepEqual(admit(service, service), { kind: "allow", patch: [], warnings: [] });
});

/** The warnings about a service with these parts of the traffic, the first of which its new revision gets. */
function splitWarnings(annotations: Record<string, string>, ...percents: number[]): readonly string[] {
  const service = knService({ ...STATEFUL, ...annotations });
  service.spec["traffic"] = percents.map((percent, index) => {
    return index === 0 ? { latestRevision: true, percent } : { revisionName: `cart-0000${index}`, percent };
  });
  const decision = admit(service);
  return decision.kind === "allow" ? decision.warnings : [];
}

test("a revision that would have another part of the entities than of the requests is warned of", (t) => {
  t.deepEqual(splitWarnings({}, 10, 90), [
    "the latest revision gets 10 % of the requests, and without perdure.dev/traffic-share about 50 % of the entities while it has pods",
  ]);
  t.regex(splitWarnings({}, 0, 100).join(), / 0 % of the requests, .* about 50 % of the entities/);
  t.regex(splitWarnings({}, 80, 10, 10).join(), / 80 % of the requests, .* about 33 % of the entities/);
  for (const percents of [[], [100], [50, 50], [34, 33, 33]]) t.deepEqual(splitWarnings({}, ...percents), []);
  t.deepEqual(splitWarnings({ "perdure.dev/traffic-share": "10" }, 10, 90), []);
});

test("two revisions with logs of their own in memory are warned of", (t) => {
  const inMemory = { "perdure.dev/log": "memory:" };
  t.regex(splitWarnings(inMemory, 50, 50).join(), /traffic is split.*in memory/);
  t.deepEqual(splitWarnings(inMemory, 100), []);
});

const annotations = fc.dictionary(
  fc.constantFrom(
    "perdure.dev/stateful",
    "perdure.dev/log-level",
    "perdure.dev/durability",
    "perdure.dev/traffic-share",
    MAX_SCALE,
    "other/key~with~tildes",
  ),
  fc.constantFrom("true", "false", "1", "strict", "debug"),
);
const labels = fc.dictionary(
  fc.constantFrom("perdure.dev/stateful", "app"),
  fc.constantFrom("true", "false"),
);
const service = fc
  .record({
    service: fc.option(annotations),
    template: fc.option(annotations),
    labels: fc.option(labels),
    name: fc.option(fc.constantFrom("cart-a", "cart-b")),
  })
  .map((parts): KnativeService => {
    const made = plainService();
    made.metadata.annotations = { ...parts.service };
    made.spec.template.metadata = {
      ...(parts.template !== null && { annotations: parts.template }),
      ...(parts.labels !== null && { labels: parts.labels }),
      ...(parts.name !== null && { name: parts.name }),
    };
    if (parts.template === null && parts.labels === null && parts.name === null)
      delete made.spec.template.metadata;
    return made;
  });

test("applied to its own result the decision changes nothing, and it writes metadata only", (t) => {
  const property = fc.property(service, fc.option(service, { nil: undefined }), (now, old) => {
    const decision = admit(now, old);
    if (decision.kind === "deny") return;
    const result = applied(now, decision);
    const again = admit(result, old);
    t.deepEqual(again.kind === "allow" ? again.patch : codes(again), []);
    const ours =
      /^\/spec\/template\/metadata|^\/metadata\/annotations(\/perdure\.dev~1effective-durability)?$/;
    for (const { path } of decision.patch) t.regex(path, ours);
    t.deepEqual(admit(now, old), decision, "deterministic");
  });
  fc.assert(property, { numRuns: 2_000 });
});
