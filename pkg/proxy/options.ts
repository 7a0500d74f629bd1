// SPDX-License-Identifier: Apache-2.0

import type { SettingGroup, Values } from "../base/mod.ts";
import { resolveSettings, SettingError } from "../base/mod.ts";
import { parseOrigins } from "../endpoint/mod.ts";
import { REPEAT_SETTINGS } from "../telemetry/mod.ts";

import { LOG_DETAIL_SETTINGS, LOG_SETTINGS, NATS_SETTINGS } from "./log-options.ts";
import { ADMIN_PORT_SETTINGS } from "./settings/admin-port-settings.ts";
import { DRAIN_SETTINGS } from "./settings/drain-settings.ts";
import { EFFECT_SETTINGS } from "./settings/effect-settings.ts";
import { ENTITY_SETTINGS } from "./settings/entity-settings.ts";
import { PUBLIC_PORT_SETTINGS } from "./settings/public-port-settings.ts";
import { USER_FUNCTION_SETTINGS } from "./settings/user-function-settings.ts";
import { USUAL_SETTINGS } from "./settings/usual-settings.ts";

/** Every setting of the proxy. Cloudstate's variables keep their names; most of ours begin with `PERDURE_`. */
export const PROXY_SETTINGS = {
  ...USUAL_SETTINGS,
  ...LOG_SETTINGS,
  ...USER_FUNCTION_SETTINGS,
  ...ENTITY_SETTINGS,
  ...EFFECT_SETTINGS,
  ...PUBLIC_PORT_SETTINGS,
  ...ADMIN_PORT_SETTINGS,
  ...DRAIN_SETTINGS,
  ...REPEAT_SETTINGS,
} as const;

/** The same settings in groups, for people who read them; the settings that most proxies are given come first. */
export const PROXY_SETTING_GROUPS: readonly SettingGroup[] = [
  { title: "Usual settings", settings: { log: LOG_SETTINGS.log, ...USUAL_SETTINGS } },
  { title: "Event log", settings: LOG_DETAIL_SETTINGS },
  { title: "Event log on NATS", settings: NATS_SETTINGS },
  { title: "User function", settings: USER_FUNCTION_SETTINGS },
  { title: "Entities", settings: ENTITY_SETTINGS },
  { title: "Forwards and side effects", settings: EFFECT_SETTINGS },
  { title: "Public port", settings: PUBLIC_PORT_SETTINGS },
  { title: "Admin port", settings: ADMIN_PORT_SETTINGS },
  { title: "End of the proxy", settings: DRAIN_SETTINGS },
  { title: "Lines of the proxy's own log", settings: REPEAT_SETTINGS },
];

/** Empty, or long enough that it cannot be guessed, and valid as the value of a header. */
const SECRET = /^(?:[\x21-\x7e]{16,256})?$/;

export type ProxyOptions = Values<typeof PROXY_SETTINGS>;

/** @throws SettingError */
export function proxyOptions(
  flags: Readonly<Record<string, string | undefined>>,
  env: Readonly<Record<string, string | undefined>>,
): ProxyOptions {
  const options = resolveSettings(PROXY_SETTINGS, flags, env);
  if (parseOrigins(options.corsOrigins) === undefined) {
    const sense = "is `*`, or a list of origins like https://shop.example or http://localhost:3000";
    throw new SettingError(`--cors-origins=${options.corsOrigins}: ${sense}`);
  }
  if (!SECRET.test(options.drainSecret))
    throw new SettingError("--drain-secret: is 16 to 256 printable characters of ASCII without blanks");
  return options;
}
