// SPDX-License-Identifier: Apache-2.0

import type { Check } from "../admin/probe-routes.ts";
import type { PartState } from "../admin/report.ts";
import type { AdminRoute } from "../admin/routes.ts";

/** A piece of the proxy that starts, may have problems, and stops. */
export interface Part {
  /** For people, as "log". */
  readonly name: string;
  /** Its conditions of readiness. The proxy is ready when all conditions of all parts hold. */
  checks?(): readonly Check[];
  /** @throws what the start of the proxy fails with. */
  start?(): Promise<void>;
  /** Prepares for the end of the pod, while late requests are still served. Resolves when it is done. */
  drain?(): Promise<void>;
  /** Serves as before, because nobody stopped the drained proxy. */
  resume?(): void;
  /** Never rejects, and bounds its own waiting. Also called if `start` failed. */
  stop?(): Promise<void>;
  /** What the part adds to the admin port. */
  readonly routes?: readonly AdminRoute[];
  /** What it does now: bounded, and without secrets. Entities are named only in tables, as `entity`. */
  inspect?(): PartState;
}
