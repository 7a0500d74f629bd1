// SPDX-License-Identifier: Apache-2.0

/**
 * The page at `GET /` of `perdure dev`: the served routes, in the format that the caller's `Accept` asks for. That is
 * HTML for browsers and JSON for programs, otherwise text, as for `curl`.
 */

import type { FrontPage, HttpRequest, HttpResponse } from "../../../pkg/endpoint/mod.ts";

import { servedLines } from "./messages.ts";
import type { ServedRoute } from "./served.ts";
import { PLAIN } from "./style.ts";

/** The contents of the page. */
export interface Front {
  /** Name and version of the function. */
  readonly description: string;
  readonly routes: readonly ServedRoute[];
}

/** Answers with what `current` gives at that moment. */
export function frontPage(current: () => Front): FrontPage {
  return ({ headers }) => {
    switch (wanted(headers)) {
      case "json":
        return answer("application/json", `${JSON.stringify(asJson(current()), undefined, 2)}\n`);
      case "html":
        return answer("text/html; charset=utf-8", asHtml(current()));
      case "text":
        return answer("text/plain; charset=utf-8", asText(current()));
    }
  };
}

type Form = "json" | "html" | "text";

/** The first known type in `Accept`. Weights are ignored, because in practice clients name their favourite first. */
function wanted({ accept = "" }: HttpRequest["headers"]): Form {
  for (const range of accept.split(",")) {
    const type = range.split(";", 1)[0]?.trim().toLowerCase();
    if (type === "application/json") return "json";
    if (type === "text/html") return "html";
    if (type === "text/plain") return "text";
  }
  return "text";
}

function answer(contentType: string, body: string): HttpResponse {
  const headers = [
    ["vary", "accept"],
    ["cache-control", "no-store"],
    ["x-content-type-options", "nosniff"],
    ["content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"],
  ].flat();
  return { status: 200, contentType, errorCode: undefined, headers, body };
}

function asText({ description, routes }: Front): string {
  return [description, "", ...servedLines(routes, PLAIN)].join("\n");
}

/** By service and method: a method may have several routes. */
function asJson({ description, routes }: Front): object {
  const services = [...Map.groupBy(routes, ({ service }) => service)].map(([name, ofService]) => ({
    name,
    methods: [...Map.groupBy(ofService, ({ method }) => method)].map(([method, ofMethod]) => ({
      name: method,
      http: ofMethod.map(({ httpMethod, path, curl }) => ({ method: httpMethod, path, example: curl })),
      grpc: { path: `/${name}/${method}`, example: ofMethod[0]?.grpcurl },
    })),
  }));
  return { description, services };
}

const STYLE =
  "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}" +
  "pre{background:#f4f4f4;padding:.5rem .75rem;overflow-x:auto;border-radius:4px}code{font-size:.9em}" +
  "h3{margin-bottom:.25rem}.way{color:#666}" +
  "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}pre{background:#262626}.way{color:#999}}";

function asHtml({ description, routes }: Front): string {
  const parts = [...Map.groupBy(routes, ({ service }) => service)].map(([name, ofService]) => {
    const methods = ofService.map(
      ({ method, httpMethod, path, curl }) =>
        `<h3>${escape(method)} <code class="way">${escape(`${httpMethod} ${path}`)}</code></h3>\n<pre><code>${escape(curl)}</code></pre>`,
    );
    const grpcurl = escape(ofService[0]?.grpcurl ?? "");
    return `<h2>${escape(name)}</h2>\n${methods.join("\n")}\n<h3>The same over gRPC</h3>\n<pre><code>${grpcurl}</code></pre>`;
  });
  const title = escape(description);
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title><link rel="icon" href="data:,"><style>${STYLE}</style></head>
<body>
<h1>${title}</h1>
<p>What <code>perdure dev</code> serves here. The same as JSON: <code>curl -H 'accept: application/json'</code> of this address.</p>
${parts.join("\n")}
</body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
