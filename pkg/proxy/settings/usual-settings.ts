// SPDX-License-Identifier: Apache-2.0

import { LOG_LEVELS, number, text } from "../../base/mod.ts";

import { DAY_MS, MINUTE_MS, PORTS } from "./bounds.ts";

/** The settings that most proxies are given. */
export const USUAL_SETTINGS = {
  httpPort: number("http-port", "HTTP_PORT", 9_000, "port", PORTS, "Public port; 0 lets the system choose."),
  httpHost: text("http-host", "HTTP_HOST", "0.0.0.0", "Address that the public port is bound to."),
  userFunctionHost: text(
    "user-function-host",
    "USER_FUNCTION_HOST",
    "127.0.0.1",
    "Host of the user function.",
  ),
  userFunctionPort: number(
    "user-function-port",
    "USER_FUNCTION_PORT",
    8_080,
    "port",
    [1, 65_535],
    "Port of the user function.",
  ),
  adminPort: number(
    "admin-port",
    "ADMIN_PORT",
    9_010,
    "port",
    PORTS,
    "Port of `/livez`, `/readyz` and `/drain`.",
  ),
  passivationTimeoutMs: number(
    "passivation-timeout",
    "PERDURE_PASSIVATION_TIMEOUT_MS",
    30_000,
    "ms",
    [1, DAY_MS],
    "Idle time after which an entity leaves memory, unless its type says otherwise.",
  ),
  relayTimeoutMs: number(
    "relay-timeout",
    "PERDURE_RELAY_TIMEOUT_MS",
    MINUTE_MS,
    "ms",
    [1, DAY_MS],
    "How long the user function may take for one command.",
  ),
  corsOrigins: text(
    "cors-origins",
    "PERDURE_CORS_ORIGINS",
    "",
    "Origins whose pages may call from browsers, at most 100, with commas between them, as `https://shop.example`; `*` is every origin. " +
      "They may send any header and read any answer, but never send cookies.",
  ),
  logLevel: text("log-level", "PERDURE_LOG_LEVEL", "info", "How much the proxy says.", LOG_LEVELS),
} as const;
