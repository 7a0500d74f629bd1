// SPDX-License-Identifier: Apache-2.0

export type { ActionCall, ActionStreamCall } from "./action/command.ts";
export { ActionRuntime } from "./action/runtime.ts";
export type { ActionOptions, ActionRuntimeDependencies } from "./action/runtime.ts";
export type { EntityCommand } from "./command.ts";
export type { StoredListener } from "./context.ts";
export type { CarryOut } from "./entity-effects.ts";
export { EntityRuntime } from "./entity-runtime.ts";
export type { EntityRuntimeDependencies } from "./entity-runtime.ts";
export { mayPass } from "./failure.ts";
export { readSnapshot } from "./history.ts";
export { CALLERS_LINEAGE, descend } from "./lineage.ts";
export type { Lineage, LineageLimits } from "./lineage.ts";
export { DEFAULT_ENTITY_OPTIONS } from "./options.ts";
export type { EntityOptions } from "./options.ts";
export { NO_EFFECTS } from "./outcome.ts";
export type {
  Call,
  FailureOutcome,
  ForwardOutcome,
  NoReplyOutcome,
  Outcome,
  ReplyOutcome,
  SideEffect,
} from "./outcome.ts";
