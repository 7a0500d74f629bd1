// SPDX-License-Identifier: Apache-2.0

export type { UserFunctionOptions } from "./options.ts";
export { DEFAULT_USER_FUNCTION_OPTIONS } from "./options.ts";
export type { OnSpec } from "./served.ts";
export { Served } from "./served.ts";
export type { AnnouncedService, CheckedService, ServiceKind } from "./service-kind.ts";
export { entityKind, statelessService } from "./service-kind.ts";
export type {
  EntityHistory,
  EntityMethod,
  EntityService,
  ServedMethod,
  ServedService,
  UnservedPart,
  UserFunctionSpec,
} from "./spec.ts";
export { FAILURES, isEntityMethod, isEntityService, methodName } from "./spec.ts";
export type { WatchedStream } from "./stream-room.ts";
export { tracedStreams } from "./traced-streams.ts";
export type { StreamOpener, UserFunctionDependencies, UserFunctionStatus } from "./user-function.ts";
export { UserFunction } from "./user-function.ts";
export type { UserFunctionErrorCode } from "./user-function-error.ts";
export { isUserFunctionUnavailable, notServed, unavailable } from "./user-function-error.ts";
export type { Validation } from "./validate.ts";
export { validateSpec } from "./validate.ts";
