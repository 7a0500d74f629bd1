// SPDX-License-Identifier: Apache-2.0

import type { Texts, Values } from "../settings/mod.ts";
import { resolveSettings, SettingError } from "../settings/mod.ts";

import { WEBHOOK_SETTINGS } from "./settings.ts";

export type WebhookOptions = Values<typeof WEBHOOK_SETTINGS>;

/** @throws SettingError */
export function webhookOptions(flags: Texts, env: Texts): WebhookOptions {
  const options = resolveSettings(WEBHOOK_SETTINGS, flags, env);
  const { certificateDays, renewBeforeDays, maxBodyBytes, maxPendingBytes } = options;
  if (renewBeforeDays >= certificateDays) {
    const less = `less than --certificate-days (${certificateDays})`;
    const reason = "because each check would renew the certificate otherwise";
    throw new SettingError(`--renew-before-days must be ${less}, not ${renewBeforeDays}, ${reason}`);
  }
  if (maxPendingBytes < 4 * maxBodyBytes) {
    const least = `at least four times --max-body-bytes (${maxBodyBytes})`;
    const reason = "because no question could be that large otherwise";
    throw new SettingError(`--max-pending-bytes must be ${least}, not ${maxPendingBytes}, ${reason}`);
  }
  return options;
}
