// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from "node:crypto";

/** Nobody guesses as many bytes. */
const SECRET_BYTES = 32;

/**
 * A secret for one pod: its proxy hears it by a variable, and the kubelet sends it with the hook that drains the proxy. A
 * hook cannot read a Secret of Kubernetes, so it stands in the pod; who may read the pod's specification may drain it.
 */
export function newDrainSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}
