// SPDX-License-Identifier: Apache-2.0

import type { Report } from "./report.ts";
import { reportText, withoutEntities } from "./report.ts";
import type { AdminRoute } from "./routes.ts";
import { textOrJson } from "./text-or-json.ts";

/**
 * `/inspect` says what each part does now, to local programs only. If there is a secret, entities are named only to a
 * caller that sends it, because a user function that fetches what a caller names must not tell it about others.
 */
export function inspectRoute(inspect: () => Report): AdminRoute {
  return {
    path: "/inspect",
    methods: ["GET", "HEAD"],
    reach: "loopback",
    handle(request) {
      const report = (): Report => (request.isOperator ? inspect() : withoutEntities(inspect()));
      return textOrJson(request, { text: () => reportText(report()), json: report });
    },
  };
}
