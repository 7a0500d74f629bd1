// SPDX-License-Identifier: Apache-2.0

export type { Configuration } from "./configuration.ts";
export { CONFIG_NAME, readConfiguration } from "./configuration.ts";
export type { WebhookOptions } from "./options.ts";
export { webhookOptions } from "./options.ts";
export type { ServiceSetting } from "./service-settings.ts";
export { PREFIX, settingsOf } from "./service-settings.ts";
export { WEBHOOK_SETTINGS } from "./settings.ts";
export type { Webhook, WebhookDependencies } from "./webhook.ts";
export { startWebhook } from "./webhook.ts";
