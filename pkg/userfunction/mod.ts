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
  UserFunctionSpec,
} from "./spec.ts";
export { UserFunction } from "./user-function.ts";
export type { StreamOpener, UserFunctionDependencies, UserFunctionStatus } from "./user-function.ts";
export { validateSpec } from "./validate.ts";
export type { Validation } from "./validate.ts";
