// SPDX-License-Identifier: Apache-2.0

/** What Knative and the downward API say of the pod, and how it is called in log lines. */
const VARIABLES: Readonly<Record<string, string>> = {
  service: "K_SERVICE",
  revision: "K_REVISION",
  pod: "POD_NAME",
  namespace: "POD_NAMESPACE",
};

/** Fields for every log line: where the proxy runs, as far as its environment says it. */
export function podFields(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const fields = Object.entries(VARIABLES).map(([field, variable]) => [field, env[variable] ?? ""] as const);
  return Object.fromEntries(fields.filter(([, value]) => value !== ""));
}
