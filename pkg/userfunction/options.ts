// SPDX-License-Identifier: Apache-2.0

import type { Values } from "../settings/mod.ts";
import { defaultsOf } from "../settings/mod.ts";

import { USER_FUNCTION_SETTINGS } from "./settings.ts";

export type UserFunctionOptions = Values<typeof USER_FUNCTION_SETTINGS>;

export const DEFAULT_USER_FUNCTION_OPTIONS: UserFunctionOptions = defaultsOf(USER_FUNCTION_SETTINGS);
