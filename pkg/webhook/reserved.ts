// SPDX-License-Identifier: Apache-2.0

import type { JsonObject } from "../k8s/mod.ts";
import { numberOf, objectsOf } from "../k8s/mod.ts";

import { PROXY_SETTINGS } from "../proxy/settings.ts";
import type { Problem } from "./decision.ts";

/** Names in a pod that Perdure uses itself. */
export const PROXY_CONTAINER = "perdure-proxy";
export const SECRET_VOLUME = "perdure-nats";

/** Ports of the proxy in a pod, all of whose containers share one network. */
export const HTTP_PORT = PROXY_SETTINGS.httpPort.default;
export const ADMIN_PORT = PROXY_SETTINGS.adminPort.default;

/** How the proxy gets the pod's secret, and how the hook at the pod's end sends it (pkg/proxy, --drain-secret). */
export const DRAIN_SECRET_VARIABLE = PROXY_SETTINGS.drainSecret.env;
export const DRAIN_SECRET_HEADER = "perdure-drain-secret";

/** Knative's own container and its ports (serving/pkg/networking/constants.go). */
export const QUEUE_PROXY = "queue-proxy";
export const QUEUE_PORTS: readonly number[] = [8_012, 8_013];
const QUEUE_ADMIN_PORT = 8_022;
const KNATIVE_PORTS: readonly number[] = [8_008, ...QUEUE_PORTS, QUEUE_ADMIN_PORT, 8_112, 9_090, 9_091];

/** Answers when queue-proxy was told to stop and has passed on no request for 30 s. The user's container waits too. */
export const QUEUE_DRAINED_URL = `http://127.0.0.1:${QUEUE_ADMIN_PORT}/wait-for-drain`;

/** Undefined if no program of the pod listens on the port already. */
export function portTaken(port: number, field: string): Problem | undefined {
  const isOurs = port === HTTP_PORT || port === ADMIN_PORT;
  if (!isOurs && !KNATIVE_PORTS.includes(port)) return undefined;
  const owner = isOurs ? "Perdure's proxy" : "Knative's queue-proxy";
  const message = `port ${port} is taken by ${owner} in the same pod: let the user function listen on another, 8080 for example`;
  return { code: "PORT_TAKEN", field, message };
}

/** Names and ports in a pod's or template's spec that Perdure needs itself. `field` names the place of the spec. */
export function reservedProblems(spec: JsonObject, field: string): readonly Problem[] {
  const containers = objectsOf(spec["containers"]);
  const named = [...containers, ...objectsOf(spec["initContainers"])];
  const problems: Problem[] = [];
  if (named.some(({ name }) => name === PROXY_CONTAINER)) {
    problems.push(nameTaken("container", PROXY_CONTAINER, `${field}.containers`));
  }
  if (objectsOf(spec["volumes"]).some(({ name }) => name === SECRET_VOLUME)) {
    problems.push(nameTaken("volume", SECRET_VOLUME, `${field}.volumes`));
  }
  for (const [index, container] of containers.entries()) {
    if (container["name"] === QUEUE_PROXY) continue;
    for (const port of objectsOf(container["ports"])) {
      const taken = portTaken(numberOf(port["containerPort"]) ?? 0, `${field}.containers[${index}].ports`);
      if (taken !== undefined) problems.push(taken);
    }
  }
  return problems;
}

function nameTaken(what: string, name: string, field: string): Problem {
  const message = `a ${what} is named ${name}, which is the name of the one that Perdure adds: give it another`;
  return { code: "NAME_TAKEN", field, message };
}
