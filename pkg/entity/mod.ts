// SPDX-License-Identifier: Apache-2.0

export { ACTION, ActionRuntime } from "./action/runtime.ts";
export type { Command, EntityCommand, StreamedCommand } from "./command.ts";
export { EffectQueue } from "./effects/effect-queue.ts";
export type { Lineage, LineageLimits } from "./lineage.ts";
export { asksTooMuch, CALLERS_LINEAGE, descend } from "./lineage.ts";
export { mayHaveStored } from "./may-have-stored.ts";
export { mayPass } from "./may-pass.ts";
export { COMMAND_METRICS, ENTITY_METRICS } from "./metrics.ts";
export type { Call, NoReplyOutcome, Outcome, ReplyOutcome, SideEffect } from "./outcome.ts";
export { NO_EFFECTS } from "./outcome.ts";
export { DEFAULT_ENTITY_OPTIONS } from "./settings.ts";
export { SlowestCommands } from "./slowest-commands.ts";
export type { FirstShards, StoredListener } from "./stateful/context.ts";
export { EntityStreamError } from "./stateful/entity-error.ts";
export { ENTITY_KINDS, EntityRuntime } from "./stateful/entity-runtime.ts";
