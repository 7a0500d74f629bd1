// SPDX-License-Identifier: Apache-2.0

/** What OpenTelemetry's conventions call the fields that `podFields` gives. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  service: ["service.name", "faas.name"],
  revision: ["faas.version"],
  pod: ["service.instance.id", "faas.instance", "k8s.pod.name"],
  namespace: ["service.namespace", "k8s.namespace.name"],
};

/** What produces the spans, as far as the pod says it. */
export function resourceAttributes(pod: Readonly<Record<string, string>>): Record<string, string> {
  const attributes = Object.entries(pod).flatMap(([field, value]) =>
    (NAMES[field] ?? []).map((name) => [name, value] as const),
  );
  return { "service.name": "perdure", ...Object.fromEntries(attributes) };
}
