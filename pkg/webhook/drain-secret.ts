// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from "node:crypto";

/** Too many bytes to guess. */
const SECRET_BYTES = 32;

/**
 * A secret for one pod. The proxy gets it in an environment variable, and the kubelet sends it with the hook that
 * drains the proxy. It is part of the pod's specification, because a hook cannot read a Secret of Kubernetes. So
 * every client that may read the specification may drain the pod.
 */
export function newDrainSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}
