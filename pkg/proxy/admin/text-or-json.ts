// SPDX-License-Identifier: Apache-2.0

import type { AdminAnswer, AdminRequest } from "./routes.ts";

/** The same thing twice. Only the one that is asked for is made. */
export interface TextAndJson {
  readonly text: () => string;
  readonly json: () => unknown;
}

/** Text for people, and JSON for a caller whose `Accept` names JSON, or with `?format=json`. */
export function textOrJson(
  { query, accept }: Pick<AdminRequest, "query" | "accept">,
  { text, json }: TextAndJson,
): AdminAnswer {
  const format = query.get("format") ?? (asksForJson(accept) ? "json" : "text");
  if (format === "text") return { status: 200, text: text() };
  if (format === "json")
    return { status: 200, text: JSON.stringify(json()), contentType: "application/json" };
  return { status: 400, code: "ADMIN_BAD_QUERY", text: "there are ?format=text and ?format=json" };
}

function asksForJson(accept = ""): boolean {
  return /(?:^|,)\s*application\/json\s*(?:$|[,;])/i.test(accept);
}
