// SPDX-License-Identifier: Apache-2.0

import { EventLogError, isElsewhere, shownAddress } from "../eventlog/address/mod.ts";
import type { Texts, Values } from "../settings/mod.ts";
import { resolveSettings, SettingError } from "../settings/mod.ts";

import { PROXY_SETTINGS } from "./settings.ts";

export type ProxyOptions = Values<typeof PROXY_SETTINGS>;

/** @throws SettingError */
export function proxyOptions(flags: Texts, env: Texts): ProxyOptions {
  const options = resolveSettings(PROXY_SETTINGS, flags, env);
  if (options.cluster === "on" && !canBeShared(options.log)) {
    const log = shownAddress(options.log);
    const reason = "because only such a log can be shared: give it one, or leave --cluster out";
    throw new SettingError(`with --cluster on, --log must be on NATS, not ${log}, ${reason}`);
  }
  return options;
}

/** True also for an address of no log at all: the start of the proxy says what is wrong with it. */
function canBeShared(log: string): boolean {
  try {
    return isElsewhere(log);
  } catch (error) {
    if (error instanceof EventLogError) return true;
    throw error;
  }
}
