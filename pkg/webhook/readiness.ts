// SPDX-License-Identifier: Apache-2.0

import type { JsonObject } from "../k8s/mod.ts";
import { objectOf, objectsOf, parseJson } from "../k8s/mod.ts";

import { ADMIN_PORT } from "./reserved.ts";

/** The value of `SERVING_READINESS_PROBE`, by which queue-proxy knows which probes to make. */
export interface Readiness {
  readonly text: string;
  /** The text is a list: `ENABLE_MULTI_CONTAINER_PROBES`. */
  readonly isList: boolean;
  /** A probe of the user's is left out, because this queue-proxy takes one probe only. */
  readonly isUserProbeLost: boolean;
}

/**
 * Puts the proxy's readiness probe in place of the user container's. Knative's activator trusts these probes before
 * Kubernetes does, so they must not succeed before the proxy can serve. A probe of the user's own is kept beside it.
 * A probe that only checks whether the port is open is replaced, because the proxy is ready only after it has spoken
 * with the user function. The proxy's probe then takes over its timing.
 *
 * @param text what Knative wrote; "" if there is no probe.
 * @param userPort of the user function.
 * @param listing whether this queue-proxy is told to read a list of probes, or does not know lists at all.
 * @returns undefined if the text is not what Knative writes.
 */
export function probeProxy(
  text: string,
  userPort: number,
  listing: "unknown" | "off" | "on",
): Readiness | undefined {
  const probes = parseProbes(text, listing === "on");
  if (probes === undefined) return undefined;
  const [first, ...others] = probes;
  const isPortProbe = first !== undefined && objectOf(first["tcpSocket"])?.["port"] === userPort;
  const ours = proxyProbe(isPortProbe ? first : undefined);
  const theirs = [...(first === undefined || isPortProbe ? [] : [first]), ...others];
  if (listing === "on" || (listing === "off" && theirs.length > 0)) {
    return { text: JSON.stringify([ours, ...theirs]), isList: true, isUserProbeLost: false };
  }
  return { text: JSON.stringify(ours), isList: false, isUserProbeLost: theirs.length > 0 };
}

/** Some hundred for each container. This JSON is a text within the question, whose own limits do not bound it. */
const MAX_PROBES_CHARS = 65_536;

function parseProbes(text: string, isList: boolean): readonly JsonObject[] | undefined {
  if (text === "") return [];
  if (text.length > MAX_PROBES_CHARS) return undefined;
  const parsed = parseJson(text);
  if (isList) {
    // Knative writes null for a container without a probe.
    return Array.isArray(parsed) ? objectsOf(parsed.filter((each) => each !== null)) : undefined;
  }
  const probe = objectOf(parsed);
  return probe === undefined ? undefined : [probe];
}

function proxyProbe(timing: JsonObject | undefined): JsonObject {
  const { tcpSocket: _tcpSocket, ...rest } = timing ?? { successThreshold: 1 };
  const httpGet = { path: "/readyz", port: ADMIN_PORT, host: "127.0.0.1", scheme: "HTTP" };
  return { httpGet, ...rest };
}
