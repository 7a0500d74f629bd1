// SPDX-License-Identifier: Apache-2.0

export { CONFIG_NAME, readConfiguration } from "./configuration.ts";
export { webhookOptions } from "./options.ts";
export type { ServiceSetting } from "./service-settings.ts";
export { PREFIX, settingsOf } from "./service-settings.ts";
export { WEBHOOK_SETTINGS } from "./settings.ts";
export { PROXY_NODE_OPTIONS } from "./sidecar.ts";
export type { Webhook } from "./webhook.ts";
export { startWebhook } from "./webhook.ts";
