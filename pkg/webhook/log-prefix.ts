// SPDX-License-Identifier: Apache-2.0

import { createHash } from "node:crypto";

/** The longest prefix that a log on NATS may have. */
const MAX_LENGTH = 64;
const HASH_DIGITS = 20;

/**
 * The prefix of a service's log: `NAMESPACE_NAME`. Neither part can contain `_`, so two services never share a
 * prefix. A prefix that would be too long is cut and gets `__` and a hash. A short one never contains `__`.
 */
export function logPrefix(namespace: string, name: string): string {
  const whole = `${namespace}_${name}`;
  if (whole.length <= MAX_LENGTH) return whole;
  const hash = createHash("sha256").update(whole).digest("hex").slice(0, HASH_DIGITS);
  return `${whole.slice(0, MAX_LENGTH - HASH_DIGITS - 2)}__${hash}`;
}
