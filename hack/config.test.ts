// SPDX-License-Identifier: Apache-2.0

import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";

import test from "ava";
import { parse, parseAllDocuments } from "yaml";

import { readConfiguration } from "../pkg/webhook/mod.ts";

const ROOT = join(import.meta.dirname, "..");
const FILES = globSync("{config,docs/install-example,docs/tenants-example}/**/*.yaml", { cwd: ROOT }).sort();

/** The fields of a Kubernetes object that these tests read. */
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Record<string, string> };
  readonly data?: Record<string, string>;
  readonly rules?: readonly {
    verbs: string[];
    resources: string[];
    apiGroups: string[];
    resourceNames?: string[];
  }[];
  readonly webhooks?: readonly Record<string, unknown>[];
  readonly spec?: { readonly template?: { readonly spec: PodSpec } };
}

interface PodSpec {
  readonly securityContext: unknown;
  readonly containers: readonly { readonly securityContext: unknown; readonly resources: object }[];
}

interface Kustomization {
  readonly resources: readonly string[];
  readonly patches?: readonly { readonly patch: string }[];
}

function text(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

function manifests(): Manifest[] {
  const files = FILES.filter((file) => !file.endsWith("kustomization.yaml"));
  return files.flatMap((file) =>
    parseAllDocuments(text(file)).map((document) => {
      if (document.errors.length > 0) throw new AggregateError(document.errors, file);
      return document.toJS({ maxAliasCount: 10 }) as Manifest;
    }),
  );
}

function ofKind(kind: string): Manifest[] {
  return manifests().filter((manifest) => manifest.kind === kind);
}

test("every file has its licence line, and is in the kustomization beside it", (t) => {
  t.true(FILES.length > 15, "the files were not found");
  for (const file of FILES) {
    t.regex(text(file), /^# SPDX-License-Identifier: Apache-2.0\n/, file);
    if (file.endsWith("kustomization.yaml")) continue;
    const { resources } = parse(text(join(dirname(file), "kustomization.yaml"))) as Kustomization;
    t.true(resources.includes(file.slice(dirname(file).length + 1)), file);
  }
});

test("an example of a ConfigMap is the one that its checksum was made of, and could be used as it is", (t) => {
  const examples = ofKind("ConfigMap").filter(({ data }) => data?.["_example"] !== undefined);
  t.is(examples.length, 1);
  for (const { data, metadata } of examples) {
    const example = data?.["_example"] ?? "";
    const checksum = crc32(example.trim()).toString(16).padStart(8, "0");
    t.is(metadata.annotations?.["knative.dev/example-checksum"], checksum, metadata.name);
    t.like(readConfiguration(parse(example) as Record<string, string>), { kind: "valid" });
  }
});

test("what the overlays say in config-perdure makes sense, and is all that has to be said", (t) => {
  for (const file of ["config/dev/kustomization.yaml", "docs/install-example/kustomization.yaml"]) {
    const { patches = [] } = parse(text(file)) as Kustomization;
    const { data } = parse(patches[0]?.patch ?? "") as Manifest;
    t.like(readConfiguration(data), { kind: "valid" }, file);
  }
});

test("each overlay asks for the durability that its NATS gives, and says so if that is not strict", (t) => {
  const durability = (file: string): string => {
    const { patches = [] } = parse(text(file)) as Kustomization;
    const { data } = parse(patches[0]?.patch ?? "") as Manifest;
    const configuration = readConfiguration(data);
    if (configuration.kind === "invalid") throw new Error(configuration.problem);
    return configuration.values.durability ?? "strict, unsaid";
  };
  const ofDev = text("config/nats/dev/nats.yaml");
  t.is(durability("config/dev/kustomization.yaml"), "relaxed");
  t.notRegex(ofDev, /sync/, "one server, started without a configuration that syncs");

  const servers = text("config/nats/nats.conf");
  t.is(durability("docs/install-example/kustomization.yaml"), "strict");
  t.regex(servers, /^ {2}sync_interval: always$/m);
  t.regex(servers, /^server_tags: \["sync:always"\]$/m);
});

test("the patch that docs/install.md has for the webhook's policy opens the port that the policy opens", (t) => {
  const [, block = ""] = /```yaml\n( {2}- patch: [\s\S]+?)```/.exec(text("docs/install.md")) ?? [];
  const [{ patch = "" } = {}] = parse(block) as { readonly patch?: string }[];
  const narrowed = parse(patch) as {
    readonly metadata: object;
    readonly spec: { readonly ingress: readonly object[] };
  };
  const installed = parse(text("config/core/503-networkpolicy.yaml")) as typeof narrowed;
  t.like(installed.metadata, narrowed.metadata);
  const [{ ports }, { ports: allowed, from }] = [installed.spec.ingress[0], narrowed.spec.ingress[0]] as [
    { readonly ports: unknown; readonly from?: unknown },
    { readonly ports: unknown; readonly from?: unknown },
  ];
  t.deepEqual(allowed, ports);
  t.truthy(from);
});

test("to install it takes no more than 30 lines", (t) => {
  t.true(text("docs/install-example/kustomization.yaml").trim().split("\n").length <= 30);
});

test("rights are few and bound to names", (t) => {
  const rules = [...ofKind("Role"), ...ofKind("ClusterRole")].flatMap((role) => role.rules ?? []);
  const rights = rules.flatMap(({ resources, verbs, resourceNames }) =>
    resources.map((resource) => `${resource}/${resourceNames?.join() ?? "*"}: ${verbs.join()}`),
  );
  t.deepEqual(rights, [
    "configmaps/config-perdure: list,watch",
    "secrets/webhook-certs: get,list,watch,update",
    "mutatingwebhookconfigurations/webhook.perdure.dev: get,patch",
  ]);
});

test("every container runs as nobody, without capabilities, on a root that is read only, within bounds", (t) => {
  const pods = [...ofKind("Deployment"), ...ofKind("StatefulSet")].map(({ spec }) => spec?.template?.spec);
  t.is(pods.length, 5);
  for (const pod of pods) {
    t.like(pod?.securityContext, { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
    for (const { securityContext, resources } of pod?.containers ?? []) {
      t.deepEqual(securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
      t.deepEqual(Object.keys(resources), ["requests", "limits"]);
    }
  }
});

test("the API server asks before it asks Knative, waits for the answer, and asks about nothing else", (t) => {
  const [configuration, ...others] = ofKind("MutatingWebhookConfiguration");
  t.deepEqual(others, []);
  t.true((configuration?.metadata.name ?? "x") < "webhook.serving.knative.dev");
  t.is(configuration?.webhooks?.length, 2);
  for (const webhook of configuration?.webhooks ?? []) {
    t.like(webhook, {
      admissionReviewVersions: ["v1"],
      clientConfig: { service: { name: "webhook", namespace: "perdure-system", path: "/admit" } },
      sideEffects: "None",
      failurePolicy: "Fail",
      reinvocationPolicy: "IfNeeded",
      timeoutSeconds: 5,
      namespaceSelector: {
        matchExpressions: [
          { key: "kubernetes.io/metadata.name", operator: "NotIn", values: ["perdure-system"] },
        ],
      },
    });
    t.true(Array.isArray(webhook["matchConditions"]));
  }
});
