// SPDX-License-Identifier: Apache-2.0

import type { AdminServer } from "../admin/admin-server.ts";
import { startAdminServer } from "../admin/admin-server.ts";
import { drainRoute } from "../admin/drain-route.ts";
import { probeRoutes } from "../admin/probe-routes.ts";
import type { Drain } from "../drain.ts";
import type { Part } from "./part.ts";
import type { Parts } from "./parts.ts";
import type { Shared } from "./shared.ts";

export interface AdminPart extends Part {
  /** That it listens on, once it has started. */
  readonly port: () => number;
}

/** The admin port: health, the drain, and what the parts add. It starts first, so that `/readyz` tells of the start. */
export function adminPart({ options, telemetry: { logger } }: Shared, parts: Parts, drain: Drain): AdminPart {
  let server: AdminServer | undefined;
  const own = [
    ...probeRoutes(() => parts.checks()),
    drainRoute(options.drainSecret !== "", async () =>
      parts.isRunning ? drain.drain() : "nothing is served yet",
    ),
  ];
  return {
    name: "admin",
    port: () => server?.port ?? 0,
    async start() {
      server = await startAdminServer(options, () => [...own, ...parts.routes()], logger);
    },
    stop: async () => server?.close(),
  };
}
