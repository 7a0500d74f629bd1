// SPDX-License-Identifier: Apache-2.0

export { readConfiguration, CONFIG_NAME } from "./configuration.ts";
export type { Configuration } from "./configuration.ts";
export { WEBHOOK_SETTINGS, webhookOptions } from "./options.ts";
export type { WebhookOptions } from "./options.ts";
export { PREFIX, settingsOf } from "./settings.ts";
export type { ServiceSetting } from "./settings.ts";
export { startWebhook } from "./webhook.ts";
export type { Webhook, WebhookDeps } from "./webhook.ts";
