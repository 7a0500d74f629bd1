// SPDX-License-Identifier: Apache-2.0

import { number, text } from "../../base/mod.ts";

import { DAY_MS } from "./bounds.ts";

/** The port of probes. */
export const ADMIN_PORT_SETTINGS = {
  adminHost: text("admin-host", "ADMIN_HOST", "0.0.0.0", "Address that the admin port is bound to."),
  adminMaxConnections: number(
    "admin-max-connections",
    "PERDURE_ADMIN_MAX_CONNECTIONS",
    1_000,
    "connections",
    [1, 10_000],
    "Open connections to the admin port. A further one takes the place of the one idle longest, of the address with most of them.",
  ),
  adminRequestTimeoutMs: number(
    "admin-request-timeout",
    "PERDURE_ADMIN_REQUEST_TIMEOUT_MS",
    5_000,
    "ms",
    [1, DAY_MS],
    "From the opening of a connection to the admin port, or the first byte of a request, to its last byte.",
  ),
  adminIdleTimeoutMs: number(
    "admin-idle-timeout",
    "PERDURE_ADMIN_IDLE_TIMEOUT_MS",
    15_000,
    "ms",
    [1, DAY_MS],
    "Time without a request after which a connection to the admin port is closed.",
  ),
  adminMaxRequests: number(
    "admin-max-requests",
    "PERDURE_ADMIN_MAX_REQUESTS",
    1_000,
    "requests",
    [1, 1_000_000],
    "Requests on one connection to the admin port, after which it is closed.",
  ),
} as const;
