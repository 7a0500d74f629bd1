// SPDX-License-Identifier: Apache-2.0

/** The environment variables in which Knative and the downward API describe the pod, by their names in log lines. */
const VARIABLES: Readonly<Record<string, string>> = {
  service: "K_SERVICE",
  revision: "K_REVISION",
  pod: "POD_NAME",
  namespace: "POD_NAMESPACE",
};

/** Fields for every log line: where the proxy runs. Variables that are unset or empty are left out. */
export function podFields(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const fields = Object.entries(VARIABLES).map(([field, variable]) => [field, env[variable] ?? ""] as const);
  return Object.fromEntries(fields.filter(([, value]) => value !== ""));
}
