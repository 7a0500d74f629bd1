// SPDX-License-Identifier: Apache-2.0

import type { Report } from "./report.ts";
import { reportText, withoutEntities } from "./report.ts";
import type { AdminAnswer, AdminRoute } from "./routes.ts";

/**
 * `/inspect` says what each part does now, to local programs only. If there is a secret, entities are named only to a
 * caller that sends it, because a user function that fetches what a caller names must not tell it about others. It is
 * text for people, and JSON for a caller whose `Accept` names JSON, or with `?format=json`.
 */
export function inspectRoute(inspect: () => Report): AdminRoute {
  return {
    path: "/inspect",
    methods: ["GET", "HEAD"],
    reach: "loopback",
    handle({ query, accept, isOperator }) {
      const format = query.get("format") ?? (asksForJson(accept) ? "json" : "text");
      return answer(format, () => (isOperator ? inspect() : withoutEntities(inspect())));
    },
  };
}

function answer(format: string, inspect: () => Report): AdminAnswer {
  if (format === "text") return { status: 200, text: reportText(inspect()) };
  if (format === "json")
    return { status: 200, text: JSON.stringify(inspect()), contentType: "application/json" };
  return { status: 400, code: "ADMIN_BAD_QUERY", text: "there are ?format=text and ?format=json" };
}

function asksForJson(accept = ""): boolean {
  return /(?:^|,)\s*application\/json\s*(?:$|[,;])/i.test(accept);
}
