// SPDX-License-Identifier: Apache-2.0

import type { JsonObject } from "../k8s/mod.ts";
import { objectsOf, textOf } from "../k8s/mod.ts";

import type { PatchOperation } from "./json-patch.ts";
import { probeProxy } from "./readiness.ts";
import { HTTP_PORT } from "./reserved.ts";

/** The three variables of queue-proxy that Perdure depends on (serving/pkg/queue/sharedmain). */
const USER_PORT = "USER_PORT";
const PROBE = "SERVING_READINESS_PROBE";
const PROBE_IS_LIST = "ENABLE_MULTI_CONTAINER_PROBES";

/** Whether queue-proxy sends requests to the proxy already. */
export function pointsAtProxy(container: JsonObject): boolean {
  return objectsOf(container["env"]).some(
    ({ name, value }) => name === USER_PORT && value === String(HTTP_PORT),
  );
}

/**
 * Makes queue-proxy send requests to the proxy, and ask the proxy whether it is ready.
 *
 * @param path of the container in the pod.
 * @returns the patch, or a text that says how the container differs from the queue-proxy that Knative makes.
 */
export function pointAtProxy(
  container: JsonObject,
  path: string,
  userPort: number,
): { readonly patch: readonly PatchOperation[]; readonly warnings: readonly string[] } | string {
  const env = objectsOf(container["env"]);
  const find = (name: string) => env.findIndex((each) => each["name"] === name);
  const valueAt = (index: number) => textOf(env[index]?.["value"]) ?? "";
  const [portAt, probeAt, listAt] = [find(USER_PORT), find(PROBE), find(PROBE_IS_LIST)];
  if (portAt < 0 || probeAt < 0) return `queue-proxy has no variable ${portAt < 0 ? USER_PORT : PROBE}`;
  const listing = listAt < 0 ? "unknown" : valueAt(listAt) === "true" ? "on" : "off";
  const readiness = probeProxy(valueAt(probeAt), userPort, listing);
  if (readiness === undefined) return `${PROBE} of queue-proxy cannot be read`;

  const set = (index: number, value: string): PatchOperation => {
    // Kubernetes leaves out a value that is empty.
    const op = env[index]?.["value"] === undefined ? "add" : "replace";
    return { op, path: `${path}/env/${index}/value`, value };
  };
  const patch = [set(portAt, String(HTTP_PORT)), set(probeAt, readiness.text)];
  if (readiness.isList && listing === "off") patch.push(set(listAt, "true"));
  const warnings = readiness.isUserProbeLost
    ? ["the readiness probe is not asked: this version of Knative asks one only, and that is Perdure's"]
    : [];
  return { patch, warnings };
}
