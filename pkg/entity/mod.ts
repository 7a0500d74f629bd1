// SPDX-License-Identifier: Apache-2.0

export type { EntityCommand, EntityReply } from "./command.ts";
export { EventSourcedRuntime } from "./event-sourced-runtime.ts";
export type { EntityRuntimeDependencies } from "./event-sourced-runtime.ts";
export { DEFAULT_ENTITY_OPTIONS } from "./options.ts";
export type { EntityOptions } from "./options.ts";
