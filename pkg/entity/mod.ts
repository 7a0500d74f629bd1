// SPDX-License-Identifier: Apache-2.0

export type { ActionCall, ActionStreamCall } from "./action/command.ts";
export { ACTION } from "./action/kind.ts";
export type { ActionOptions, ActionRuntimeDependencies } from "./action/runtime.ts";
export { ActionRuntime } from "./action/runtime.ts";
export type { EntityCommand } from "./command.ts";
export type { CarryOut } from "./effects/effect-queue.ts";
export { EffectQueue } from "./effects/effect-queue.ts";
export type { Lineage, LineageLimits } from "./lineage.ts";
export { asksTooMuch, CALLERS_LINEAGE, descend } from "./lineage.ts";
export { mayPass } from "./may-pass.ts";
export type { EntityOptions } from "./options.ts";
export { DEFAULT_ENTITY_OPTIONS } from "./options.ts";
export type {
  Call,
  FailureOutcome,
  ForwardOutcome,
  NoReplyOutcome,
  Outcome,
  ReplyOutcome,
  SideEffect,
} from "./outcome.ts";
export { NO_EFFECTS } from "./outcome.ts";
export type { StoredListener } from "./stateful/context.ts";
export type { EntityRuntimeDependencies } from "./stateful/entity-runtime.ts";
export { ENTITY_KINDS, EntityRuntime } from "./stateful/entity-runtime.ts";
