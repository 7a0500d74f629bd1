// SPDX-License-Identifier: Apache-2.0

export type { Action, ActionHandler, ActionHandlers } from "./action.ts";
export { action } from "./action.ts";
export type { ActionContext } from "./action-context.ts";
export type { Answer, HandlerResult } from "./answer.ts";
export type { AbortOptions, CallAborted, CallFinish, FinishOptions } from "./call-end.ts";
export type { CallOptions, EffectOptions, ReplyOptions, UnaryMethod } from "./call-target.ts";
export type { CloudEvent, CloudEventInit } from "./cloud-event.ts";
export type { SdkErrorCode } from "./error.ts";
export { SdkError } from "./error.ts";
export type {
  CommandHandler,
  CommandHandlers,
  EventHandler,
  EventSourcedOptions,
} from "./event-sourced.ts";
export { eventSourced, on } from "./event-sourced.ts";
export type { CommandContext } from "./event-sourced-context.ts";
export type { EventSourcedEntity } from "./event-sourced-definition.ts";
export type { HandlerContext } from "./handler-context.ts";
export type { Envelope, MessageStream } from "./message-stream.ts";
export type { MetadataInit } from "./metadata.ts";
export { Metadata } from "./metadata.ts";
export type { MetadataEntry, MetadataValue } from "./metadata-entry.ts";
export type { FailOptions } from "./refusal.ts";
export type { RunningServer } from "./serve.ts";
export { serve } from "./serve.ts";
export type { Served } from "./served.ts";
export type { ServeOptions } from "./settings.ts";
export type { StatusName } from "./status-name.ts";
export type { Trace } from "./trace.ts";
export type {
  ValueCommandHandler,
  ValueCommandHandlers,
  ValueEntityOptions,
} from "./value-entity.ts";
export { valueEntity } from "./value-entity.ts";
export type { ValueContext } from "./value-entity-context.ts";
export type { ValueEntity } from "./value-entity-definition.ts";
