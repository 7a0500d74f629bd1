// SPDX-License-Identifier: Apache-2.0

/** Adapts Knative's own YAML to one small machine and to our own images. Pure: text in, objects out. */

import { parseAllDocuments } from "yaml";

import { GATEWAY_PORT, LOCAL_REGISTRY, SERVICE_DOMAIN } from "./addresses.ts";

/** The fields of a Kubernetes object that are read or changed here. */
export interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  spec?: Record<string, unknown>;
  data?: Record<string, string>;
}

interface PodSpec {
  affinity?: unknown;
  terminationGracePeriodSeconds?: number;
  containers: Container[];
}

interface Container {
  imagePullPolicy?: string;
  resources?: unknown;
  lifecycle?: unknown;
  readinessProbe?: Record<string, unknown>;
  livenessProbe?: Record<string, unknown>;
  env?: Array<{ name: string; value?: string; valueFrom?: { configMapKeyRef?: { name: string } } }>;
}

/** Settings for tests: services go to zero in seconds, and a controller that was killed is soon replaced. */
const SETTINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "config-network": { "ingress-class": "kourier.ingress.networking.knative.dev" },
  "config-domain": { [SERVICE_DOMAIN]: "" },
  "config-autoscaler": { "stable-window": "10s", "scale-to-zero-grace-period": "6s" },
  "config-leader-election": { "lease-duration": "15s", "renew-deadline": "10s", "retry-period": "2s" },
};

/** Kinds that are left out: those that are of no use on one node, and Knative's list of images to be fetched ahead. */
const LEFT_OUT = new Set(["HorizontalPodAutoscaler", "PodDisruptionBudget", "Image"]);

/** Parts of Eventing that are not built. */
const LEFT_OUT_NAMES = new Set([
  "Deployment/job-sink",
  "Service/job-sink",
  "Deployment/pingsource-mt-adapter",
  "StatefulSet/request-reply",
  "Service/request-reply",
]);

const ORDER = [
  "Namespace",
  "CustomResourceDefinition",
  "ServiceAccount",
  "ClusterRole",
  "ConfigMap",
  "Secret",
  "Service",
];

/** The objects in the order in which they can be created. */
export function clusterObjects(yaml: string): KubernetesObject[] {
  const objects = parseAllDocuments(yaml, { logLevel: "error" })
    .map((document) => document.toJS() as KubernetesObject | null)
    .filter((object) => object !== null)
    .filter(({ kind, metadata }) => !LEFT_OUT.has(kind) && !LEFT_OUT_NAMES.has(`${kind}/${metadata.name}`));
  return objects.map(fit).sort((a, b) => rank(a) - rank(b));
}

/** Whether the object must exist before objects that depend on it can be created. */
export function isDefinition({ kind }: KubernetesObject): boolean {
  return kind === "CustomResourceDefinition" || kind === "Namespace";
}

/** Our own image in place of one that a manifest names. Other names are returned as they are. */
export function localImage(reference: string): string {
  if (reference.startsWith("docker.io/envoyproxy/")) return `${LOCAL_REGISTRY}/envoy:1`;
  // ko names an image by the path of a Go package.
  const [, module, path] = /^ko:\/\/knative\.dev\/([^/]+)\/cmd\/(.+)$/.exec(reference) ?? [];
  if (module === undefined || path === undefined) return reference;
  const name = module === "net-kourier" ? "kourier" : `${module}-${path.replaceAll("/", "-")}`;
  return `${LOCAL_REGISTRY}/${name}:1`;
}

function fit(object: KubernetesObject): KubernetesObject {
  const fitted = withLocalImages(object) as KubernetesObject;
  const { kind, metadata, spec } = fitted;
  if (spec !== undefined && (kind === "Deployment" || kind === "StatefulSet"))
    fitted.spec = fitWorkload(spec);
  if (spec !== undefined && kind === "Service" && metadata.name === "kourier") fitted.spec = fitGateway(spec);
  const settings = kind === "ConfigMap" ? SETTINGS[metadata.name] : undefined;
  if (settings !== undefined) fitted.data = { ...fitted.data, ...settings };
  return fitted;
}

function withLocalImages(value: unknown): unknown {
  if (typeof value === "string") return localImage(value);
  if (Array.isArray(value)) return value.map(withLocalImages);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withLocalImages(item)]));
}

function fitWorkload({ strategy: _, ...spec }: Record<string, unknown>): Record<string, unknown> {
  const template = spec["template"] as { readonly spec: PodSpec };
  const { affinity: _affinity, ...pod } = template.spec;
  return {
    ...spec,
    replicas: 1,
    template: {
      ...template,
      spec: { ...pod, terminationGracePeriodSeconds: 5, containers: pod.containers.map(fitContainer) },
    },
  };
}

/** Drops the lifecycle hooks, because Envoy's need a shell, which our image of Envoy does not have. */
function fitContainer({ lifecycle: _, ...container }: Container): Container {
  const { readinessProbe, livenessProbe, env } = container;
  return {
    ...container,
    imagePullPolicy: "IfNotPresent",
    resources: { requests: { cpu: "10m", memory: "20Mi" } },
    ...(readinessProbe && {
      readinessProbe: { ...readinessProbe, periodSeconds: 1, initialDelaySeconds: 0, failureThreshold: 60 },
    }),
    ...(livenessProbe && { livenessProbe: { ...livenessProbe, initialDelaySeconds: 60 } }),
    ...(env && { env: env.map(fitVariable) }),
  };
}

/** Any name for an image that is not built here: its ConfigMap comes only with a release of Knative. */
function fitVariable(variable: NonNullable<Container["env"]>[number]): NonNullable<Container["env"]>[number] {
  const released = variable.valueFrom?.configMapKeyRef?.name.endsWith("-images") === true;
  return released ? { name: variable.name, value: `${LOCAL_REGISTRY}/none:1` } : variable;
}

function fitGateway(spec: Record<string, unknown>): Record<string, unknown> {
  const [http, ...others] = spec["ports"] as Array<Record<string, unknown>>;
  return { ...spec, type: "NodePort", ports: [{ ...http, nodePort: GATEWAY_PORT }, ...others] };
}

function rank({ kind }: KubernetesObject): number {
  const index = ORDER.indexOf(kind);
  return index < 0 ? ORDER.length : index;
}
