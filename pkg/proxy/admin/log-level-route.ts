// SPDX-License-Identifier: Apache-2.0

import type { Leveled, Logger } from "../../base/mod.ts";
import { LOG_LEVELS } from "../../base/mod.ts";

import type { AdminAnswer, AdminRoute } from "./routes.ts";

/**
 * `/log/level` says the level of the log, and `PUT /log/level?level=debug` changes it until the proxy ends. Who may
 * drain the proxy may do so (`drainRoute`): whoever sends the secret if there is one, else a local program. It takes no
 * POST, because a page's form can send one.
 *
 * @param levels whose level it is
 */
export function logLevelRoute(hasSecret: boolean, levels: Leveled, logger: Logger): AdminRoute {
  return {
    path: "/log/level",
    methods: ["GET", "HEAD", "PUT"],
    reach: hasSecret ? "secret" : "loopback",
    handle({ method, query }) {
      return method === "PUT"
        ? change(levels, query.get("level"), logger)
        : { status: 200, text: levels.level };
    },
  };
}

function change(levels: Leveled, wanted: string | null, logger: Logger): AdminAnswer {
  const index = LOG_LEVELS.findIndex((level) => level === wanted);
  const to = LOG_LEVELS[index];
  if (to === undefined) {
    const text = `say which level: PUT /log/level?level=…, one of ${LOG_LEVELS.join(", ")}`;
    return { status: 400, code: "ADMIN_BAD_QUERY", text };
  }
  const from = levels.level;
  const isQuieter = index > LOG_LEVELS.indexOf(from);
  // In the log that says more, so that it also says when it fell silent.
  if (!isQuieter) levels.level = to;
  logger.info("the level of the log was changed", { from, to });
  levels.level = to;
  return { status: 200, text: to };
}
