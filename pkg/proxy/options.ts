// SPDX-License-Identifier: Apache-2.0

import type { Texts, Values } from "../settings/mod.ts";
import { resolveSettings } from "../settings/mod.ts";

import { PROXY_SETTINGS } from "./settings.ts";

export type ProxyOptions = Values<typeof PROXY_SETTINGS>;

/** @throws SettingError */
export function proxyOptions(flags: Texts, env: Texts): ProxyOptions {
  return resolveSettings(PROXY_SETTINGS, flags, env);
}
