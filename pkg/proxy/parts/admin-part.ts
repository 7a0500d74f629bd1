// SPDX-License-Identifier: Apache-2.0

import type { Leveled } from "../../base/mod.ts";

import type { AdminServer } from "../admin/admin-server.ts";
import { startAdminServer } from "../admin/admin-server.ts";
import { drainRoute } from "../admin/drain-route.ts";
import { inspectRoute } from "../admin/inspect-route.ts";
import { logLevelRoute } from "../admin/log-level-route.ts";
import { probeRoutes } from "../admin/probe-routes.ts";
import type { Drain } from "../drain.ts";
import type { Part } from "./part.ts";
import type { Parts } from "./parts.ts";
import type { Shared } from "./shared.ts";

export interface AdminPart extends Part {
  /** That it listens on, once it has started. */
  readonly port: () => number;
}

/**
 * The admin port: health, what each part does now, the drain, the level of the log, and what the parts add. It starts
 * first, so that `/readyz` tells of the start.
 *
 * @param levels see `ProxyDependencies`
 */
export function adminPart(
  { options, telemetry }: Shared,
  parts: Parts,
  drain: Drain,
  levels: Leveled | undefined,
): AdminPart {
  const hasSecret = options.drainSecret !== "";
  let server: AdminServer | undefined;
  const own = [
    ...probeRoutes(() => parts.checks()),
    inspectRoute(() => parts.inspect()),
    drainRoute(hasSecret, async () => (parts.isRunning ? drain.drain() : "nothing is served yet")),
    ...(levels === undefined ? [] : [logLevelRoute(hasSecret, levels, telemetry.logger)]),
  ];
  return {
    name: "admin",
    port: () => server?.port ?? 0,
    async start() {
      server = await startAdminServer(options, () => [...own, ...parts.routes()], telemetry);
    },
    stop: async () => server?.close(),
    inspect: () => ({ port: server?.port ?? 0, connections: server?.connections() ?? 0 }),
  };
}
