// SPDX-License-Identifier: Apache-2.0

export { createLogger } from "./logger.ts";
export type { LineSink, LogLevel } from "./logger.ts";
export { podFields } from "./pod.ts";
export { PROXY_SETTINGS, proxyOptions } from "./options.ts";
export type { ProxyOptions } from "./options.ts";
export { startProxy } from "./proxy.ts";
export type { Proxy, ProxyDependencies } from "./proxy.ts";
export { SettingError } from "./settings.ts";
export type { Declaration, Setting } from "./settings.ts";
export { PROXY_VERSION } from "./version.ts";
