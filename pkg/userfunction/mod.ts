// SPDX-License-Identifier: Apache-2.0

export { DEFAULT_USER_FUNCTION_OPTIONS } from "./options.ts";
export type { UserFunctionOptions } from "./options.ts";
export { FAILURES, methodName } from "./spec.ts";
export type {
  ActionMethod,
  ActionService,
  EntityMethod,
  EntityService,
  ServedMethod,
  ServedService,
  UnservedPart,
  UserFunctionSpec,
} from "./spec.ts";
export type { WatchedStream } from "./stream-room.ts";
export { notServed, unavailable } from "./user-function-error.ts";
export type { UserFunctionErrorCode } from "./user-function-error.ts";
export { UserFunction } from "./user-function.ts";
export type { StreamOpener, UserFunctionDependencies, UserFunctionStatus } from "./user-function.ts";
export { validateSpec } from "./validate.ts";
export type { Validation } from "./validate.ts";
