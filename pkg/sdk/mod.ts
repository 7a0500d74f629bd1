// SPDX-License-Identifier: Apache-2.0

export type { CommandContext } from "./command-context.ts";
export { SdkError } from "./error.ts";
export type { SdkErrorCode } from "./error.ts";
export { eventSourced, on } from "./event-sourced.ts";
export type {
  CommandHandler,
  CommandHandlers,
  EventHandler,
  EventSourcedEntity,
  EventSourcedOptions,
  HandlerResult,
} from "./event-sourced.ts";
export { serve } from "./serve.ts";
export type { RunningServer } from "./serve.ts";
export type { ServeOptions } from "./settings.ts";
