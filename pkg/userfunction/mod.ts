// SPDX-License-Identifier: Apache-2.0

export { DEFAULT_USER_FUNCTION_OPTIONS } from "./options.ts";
export { Served } from "./served.ts";
export type { ServiceKind } from "./service-kind.ts";
export { entityKind, statelessService } from "./service-kind.ts";
export type {
  EntityMethod,
  EntityService,
  ServedMethod,
  ServedService,
  UnservedPart,
  UserFunctionSpec,
} from "./spec.ts";
export { FAILURES, isEntityMethod, isEntityService, methodName, TRACE_CONTEXT } from "./spec.ts";
export type { WatchedStream } from "./stream-room.ts";
export { tracedStreams } from "./traced-streams.ts";
export type { StreamOpener, UserFunctionStatus } from "./user-function.ts";
export { UserFunction } from "./user-function.ts";
export { isUserFunctionUnavailable, notServed, unavailable } from "./user-function-error.ts";
export { validateSpec } from "./validate.ts";
