// SPDX-License-Identifier: Apache-2.0

import type { JsonObject } from "../k8s/mod.ts";
import { numberOf, objectOf, objectOrEmpty, objectsOf, textsOf } from "../k8s/mod.ts";

import { readAnnotations } from "./annotations.ts";
import type { Configuration, ServiceOptions } from "./configuration.ts";
import { configurationProblem, serviceOptions } from "./configuration.ts";
import type { Decision, Problem } from "./decision.ts";
import { ANNOTATIONS, deny, UNCHANGED } from "./decision.ts";
import type { PatchOperation } from "./json-patch.ts";
import { appendItem } from "./json-patch.ts";
import { pointAtProxy, pointsAtProxy } from "./queue-proxy.ts";
import { PROXY_CONTAINER, portTaken, QUEUE_PORTS, QUEUE_PROXY, reservedProblems } from "./reserved.ts";
import { STATEFUL } from "./service-settings.ts";
import type { PodIdentity } from "./sidecar.ts";
import { LOG_VARIABLE, proxySidecar, secretVolume } from "./sidecar.ts";

const KNATIVE = "serving.knative.dev/";
/** The name that Knative gives the port of the container that serves. */
const USER_PORT_NAME = "user-port";
/** The port of a container that names none, by Knative's own default. */
const DEFAULT_USER_PORT = 8_080;

interface Container {
  readonly index: number;
  readonly container: JsonObject;
}

/**
 * Decides about a pod that is being created. A pod with the label `perdure.dev/stateful=true` and Knative's
 * queue-proxy gets the proxy between queue-proxy and the user function. A pod that has the proxy already (older
 * versions added it as an init container) stays as it is, so that a second decision changes nothing. So does a pod
 * without queue-proxy, which Knative creates only to try a template.
 *
 * The labels and annotations may be written by hand rather than come from an admitted Service. So the same rules are
 * checked again, and the namespace is that of the request.
 *
 * @param drainSecret makes a secret for one pod.
 */
export function admitPod(
  pod: JsonObject,
  namespace: string,
  configuration: Configuration,
  drainSecret: () => string,
): Decision {
  const metadata = objectOrEmpty(pod["metadata"]);
  const labels = textsOf(metadata["labels"]);
  const spec = objectOrEmpty(pod["spec"]);
  const containers = objectsOf(spec["containers"]).map((container, index) => ({ container, index }));
  const queueProxy = containers.find(({ container }) => container["name"] === QUEUE_PROXY);
  if (labels[STATEFUL] !== "true" || queueProxy === undefined) return UNCHANGED;

  const identity = identityOf(labels, namespace);
  const { values, problems } = readAnnotations(textsOf(metadata["annotations"]), ANNOTATIONS);
  const wrong = [...identityProblems(identity), ...problems];
  if (configuration.kind === "invalid") wrong.push(configurationProblem(configuration));
  if (wrong.length > 0 || configuration.kind === "invalid") return deny(...wrong);
  const chosen = serviceOptions(identity, values, configuration.values);
  if ("problems" in chosen) return deny(...chosen.problems);
  const { options } = chosen;
  if (hasProxy(spec, queueProxy.container, options)) return UNCHANGED;
  const taken = reservedProblems(spec, "spec");
  if (taken.length > 0) return deny(...taken);
  const serving = servingContainer(containers.filter((each) => each !== queueProxy));
  if (serving === undefined) {
    return deny(unknownPod("spec.containers", "no container has a port, so none can be the one that serves"));
  }
  const proxyFor = (userPort: number) => proxySidecar(identity, userPort, options, drainSecret());
  return inject(spec, { serving, queueProxy }, options, proxyFor);
}

function inject(
  spec: JsonObject,
  { serving, queueProxy }: { readonly serving: Container; readonly queueProxy: Container },
  options: ServiceOptions,
  proxyFor: (userPort: number) => JsonObject,
): Decision {
  const servingPort = portOf(serving.container);
  const userPort = options.userFunctionPort ?? servingPort;
  const taken = portTaken(userPort, ANNOTATIONS);
  if (taken !== undefined) return deny(taken);
  const pointed = pointAtProxy(queueProxy.container, `/spec/containers/${queueProxy.index}`, userPort);
  if (typeof pointed === "string")
    return deny(unknownPod(`spec.containers[${queueProxy.index}].env`, pointed));
  return {
    kind: "allow",
    patch: [
      appendItem("/spec/containers", spec["containers"], proxyFor(userPort)),
      appendItem("/spec/volumes", spec["volumes"], secretVolume(options)),
      ...pointed.patch,
      ...probesAtUser(serving, servingPort),
    ],
    warnings: pointed.warnings,
  };
}

/**
 * Whether the pod has the proxy already. Its name is not enough, because a container of the user's may have the same
 * name. But such a container does not have the log that this pod may have, or queue-proxy does not point at it.
 */
function hasProxy(spec: JsonObject, queueProxy: JsonObject, { log }: ServiceOptions): boolean {
  const isIn = (list: string): boolean => {
    const proxy = objectsOf(spec[list]).find(({ name }) => name === PROXY_CONTAINER);
    const logs = objectsOf(proxy?.["env"]).filter(({ name }) => name === LOG_VARIABLE);
    return logs.length > 0 && logs.every(({ value }) => value === log);
  };
  return isIn("initContainers") || (isIn("containers") && pointsAtProxy(queueProxy));
}

function identityOf(labels: Readonly<Record<string, string>>, namespace: string): PodIdentity {
  const label = (name: string): string => labels[KNATIVE + name] ?? "";
  const [service, configuration, revision] = [label("service"), label("configuration"), label("revision")];
  return { namespace, service, configuration, revision };
}

function identityProblems({ service, revision }: PodIdentity): readonly Problem[] {
  if (service !== "" && revision !== "") return [];
  const message = `the pod has no label ${KNATIVE}${service === "" ? "service" : "revision"}: state belongs to a Knative Service, so make one`;
  return [{ code: "NOT_A_SERVICE", field: "metadata.labels", message }];
}

/** The container with a port, because Knative leaves exactly one with any. A single container needs no port. */
function servingContainer(candidates: readonly Container[]): Container | undefined {
  const withPort = candidates.filter(({ container }) => objectsOf(container["ports"]).length > 0);
  const named = withPort.find(({ container }) =>
    objectsOf(container["ports"]).some(({ name }) => name === USER_PORT_NAME),
  );
  return named ?? withPort[0] ?? (candidates.length === 1 ? candidates[0] : undefined);
}

function portOf(container: JsonObject): number {
  const ports = objectsOf(container["ports"]);
  const port = ports.find(({ name }) => name === USER_PORT_NAME) ?? ports[0];
  return numberOf(port?.["containerPort"]) ?? DEFAULT_USER_PORT;
}

/**
 * Points liveness and startup probes at the user's container. Some versions of Knative send them through queue-proxy,
 * and then the proxy would answer in place of the user's container.
 */
function probesAtUser({ container, index }: Container, port: number): readonly PatchOperation[] {
  return ["livenessProbe", "startupProbe"].flatMap((name) =>
    ["httpGet", "tcpSocket"].flatMap((kind): readonly PatchOperation[] => {
      const target = objectOf(objectOf(container[name])?.[kind]);
      if (!QUEUE_PORTS.includes(numberOf(target?.["port"]) ?? 0)) return [];
      return [{ op: "replace", path: `/spec/containers/${index}/${name}/${kind}/port`, value: port }];
    }),
  );
}

function unknownPod(field: string, reason: string): Problem {
  const message = `this is not a pod as Perdure knows Knative to make it: ${reason}. Is this version of Knative supported?`;
  return { code: "UNKNOWN_POD", field, message };
}
