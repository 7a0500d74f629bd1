// SPDX-License-Identifier: Apache-2.0

export type { Configuration } from "./configuration.ts";
export { CONFIG_NAME, readConfiguration } from "./configuration.ts";
export type { WebhookOptions } from "./options.ts";
export { WEBHOOK_SETTINGS, webhookOptions } from "./options.ts";
export type { ServiceSetting } from "./settings.ts";
export { PREFIX, settingsOf } from "./settings.ts";
export type { Webhook, WebhookDependencies } from "./webhook.ts";
export { startWebhook } from "./webhook.ts";
