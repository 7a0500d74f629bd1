// SPDX-License-Identifier: Apache-2.0

import type { Check } from "../admin/probe-routes.ts";
import type { AdminRoute } from "../admin/routes.ts";

/** What a part says about itself, for people who look into a running proxy. */
export type PartState = Readonly<Record<string, string | number | boolean>>;

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
  inspect?(): PartState;
}
