// SPDX-License-Identifier: Apache-2.0

import type { Delivery } from "./delivery.ts";

/** The state of an entity in memory; the diagram in `stateful-entity.ts` shows the transitions. */
export type EntityState =
  | { readonly kind: "activating" }
  | { readonly kind: "idle" }
  | { readonly kind: "open"; readonly delivery: Delivery; readonly commandId: bigint }
  | { readonly kind: "appending"; readonly delivery: Delivery }
  | { readonly kind: "marking" }
  | { readonly kind: "passivating" }
  | { readonly kind: "gone" };

export const ACTIVATING: EntityState = { kind: "activating" };
export const IDLE: EntityState = { kind: "idle" };
export const MARKING: EntityState = { kind: "marking" };
export const PASSIVATING: EntityState = { kind: "passivating" };
export const GONE: EntityState = { kind: "gone" };
