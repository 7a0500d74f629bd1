// SPDX-License-Identifier: Apache-2.0

import type { Operation } from "rfc6902";
import { applyPatch } from "rfc6902";

import type { Configuration } from "../configuration.ts";
import { readConfiguration } from "../configuration.ts";
import type { Decision } from "../decision.ts";

export const CONFIGURATION: Configuration = readConfiguration({
  "nats-url": "nats://nats.perdure-system.svc:4222",
  "proxy-image": "dev.local/perdure-proxy:dev",
  "allowed-proxy-images": "dev.local/perdure-proxy:other",
  "allowed-logs": "tls://other:4222 memory:",
  "nats-servers": "3",
});

/**
 * Applies the decision's JSON patch to a copy of the object, with a library that is not Perdure's.
 *
 * @throws if the object is refused.
 */
export function applied<T>(object: T, decision: Decision): T {
  if (decision.kind === "deny") throw new Error(`refused: ${JSON.stringify(decision.problems)}`);
  const copy = structuredClone(object);
  const errors = applyPatch(copy, structuredClone(decision.patch) as Operation[]).filter(
    (error) => error !== null,
  );
  if (errors.length > 0) throw new AggregateError(errors, "the patch does not apply");
  return copy;
}

/** Codes of a refusal; none if it is allowed. */
export function codes(decision: Decision): string[] {
  return decision.kind === "deny" ? decision.problems.map(({ code }) => code) : [];
}
