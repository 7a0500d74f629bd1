// SPDX-License-Identifier: Apache-2.0

import { isElsewhere } from "../eventlog/address/mod.ts";
import type { JsonObject } from "../k8s/mod.ts";

import { PROXY_SETTINGS } from "../proxy/settings.ts";
import type { ServiceOptions } from "./configuration.ts";
import {
  ADMIN_PORT,
  DRAIN_SECRET_HEADER,
  DRAIN_SECRET_VARIABLE,
  HTTP_PORT,
  PROXY_CONTAINER,
  QUEUE_DRAINED_URL,
  SECRET_VOLUME,
} from "./reserved.ts";

/** The proxy's variable with the address of its log. */
export const LOG_VARIABLE = PROXY_SETTINGS.log.env;

/** Where the Secret with the credentials for NATS is mounted. */
const SECRET_FOLDER = "/var/run/secrets/perdure.dev/nats";

/**
 * Pods of a service share its entities, so two write to one entity only while one of them is wrong about what it owns,
 * or has a proxy of a version that shares nothing. Such a pod may lose many times in a row against another that works
 * on a backlog. The time-out of the command bounds the retries.
 */
const MAX_CONFLICT_RETRIES = 1_000;

/** Where Kubernetes reads why a container has ended (the default of `terminationMessagePath`). */
const TERMINATION_MESSAGE_FILE = "/dev/termination-log";

/** What a pod belongs to, according to its labels. */
export interface PodIdentity {
  readonly namespace: string;
  readonly service: string;
  readonly configuration: string;
  readonly revision: string;
}

/**
 * The proxy as the last of the pod's containers, so that all start at once (ADR 10). It needs nothing of the pod but
 * its network.
 *
 * @param drainSecret of this pod alone.
 */
export function proxySidecar(
  pod: PodIdentity,
  userPort: number,
  options: ServiceOptions,
  drainSecret: string,
): JsonObject {
  const hasLimits = Object.keys(options.limits).length > 0;
  const httpHeaders = [{ name: DRAIN_SECRET_HEADER, value: drainSecret }];
  return {
    name: PROXY_CONTAINER,
    image: options.proxyImage,
    env: environment(pod, userPort, options, drainSecret),
    ports: [{ name: "perdure-admin", containerPort: ADMIN_PORT, protocol: "TCP" }],
    resources: { requests: options.requests, ...(hasLimits && { limits: options.limits }) },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    },
    // Restarts a process that hangs, but not one that only waits for its log or the user function.
    livenessProbe: {
      httpGet: { path: "/livez", port: ADMIN_PORT },
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 6,
    },
    // The kubelet calls this as soon as the pod is to end, when queue-proxy is told to stop too. SIGTERM follows the
    // answer. The kubelet sends the secret, because other programs may call from the node's address too (ADR 12).
    lifecycle: { preStop: { httpGet: { path: "/drain", port: ADMIN_PORT, httpHeaders } } },
    // Knative shows in the status of the Service why the proxy could not start: the content of this file, or else the
    // last lines of the proxy's log.
    terminationMessagePath: TERMINATION_MESSAGE_FILE,
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [{ name: SECRET_VOLUME, mountPath: SECRET_FOLDER, readOnly: true }],
  };
}

/** The Secret is optional. While it does not exist, the folder is empty. */
export function secretVolume({ natsSecret }: ServiceOptions): JsonObject {
  return { name: SECRET_VOLUME, secret: { secretName: natsSecret, optional: true } };
}

/**
 * V8 bounds the young generation by the container's memory, which leaves a busy proxy half of what it works best with
 * (`cmd/proxy/heap.ts`). The option sets the most that each of its two halves may have, in MiB.
 */
export const PROXY_NODE_OPTIONS = "--max-semi-space-size=2";

function environment(
  pod: PodIdentity,
  userPort: number,
  options: ServiceOptions,
  drainSecret: string,
): readonly JsonObject[] {
  const fields = { POD_NAME: "metadata.name", POD_NAMESPACE: "metadata.namespace", POD_IP: "status.podIP" };
  const values = {
    K_SERVICE: pod.service,
    K_CONFIGURATION: pod.configuration,
    K_REVISION: pod.revision,
    // Only queue-proxy, in the same pod, calls the public port. The kubelet calls the admin port from outside the pod.
    HTTP_HOST: "127.0.0.1",
    HTTP_PORT: String(HTTP_PORT),
    ADMIN_PORT: String(ADMIN_PORT),
    USER_FUNCTION_PORT: String(userPort),
    [LOG_VARIABLE]: options.log,
    // Always told, because pods of a service must agree, and an image of another version may have another default.
    [PROXY_SETTINGS.cluster.env]: isElsewhere(options.log) ? "on" : "off",
    PERDURE_LOG_START_TIMEOUT_MS: String(options.startTimeoutMs),
    PERDURE_START_TIMEOUT_MS: String(options.startTimeoutMs),
    PERDURE_TERMINATION_MESSAGE_FILE: TERMINATION_MESSAGE_FILE,
    NATS_SECRET_DIR: SECRET_FOLDER,
    NODE_OPTIONS: PROXY_NODE_OPTIONS,
    PERDURE_MAX_CONFLICT_RETRIES: String(MAX_CONFLICT_RETRIES),
    PERDURE_DRAIN_WAIT_URL: QUEUE_DRAINED_URL,
    [DRAIN_SECRET_VARIABLE]: drainSecret,
  };
  return [
    ...Object.entries(values).map(([name, value]) => ({ name, value })),
    ...Object.entries(fields).map(([name, fieldPath]) => ({ name, valueFrom: { fieldRef: { fieldPath } } })),
    ...options.env,
  ];
}
