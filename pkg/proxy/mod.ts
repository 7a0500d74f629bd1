// SPDX-License-Identifier: Apache-2.0

export type { AdminErrorCode } from "./admin/admin-server.ts";
export { logOptions } from "./log-options.ts";
export { PROXY_METRIC_GROUPS } from "./metrics.ts";
export type { ProxyOptions } from "./options.ts";
export { proxyOptions } from "./options.ts";
export type { Proxy, ProxyDependencies } from "./proxy.ts";
export { startProxy } from "./proxy.ts";
export type { EntityRecord, RequestRecord, Stored } from "./request-records.ts";
export { PROXY_SETTING_GROUPS, PROXY_SETTINGS } from "./settings.ts";
export type { StartError } from "./start-error.ts";
export { PROXY_VERSION } from "./version.ts";
