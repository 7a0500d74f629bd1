// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders } from "node:http2";

import type { CrossOrigin } from "./cors.ts";
import type { HttpRequest } from "./exchange.ts";
import { HttpError } from "./http-error.ts";

/**
 * The content types that a browser lets every page send anywhere without a preflight: those of forms (Fetch standard,
 * "CORS-safelisted request-header"), and those of requests that the browser makes by itself for a page.
 */
const SENT_WITHOUT_PREFLIGHT = new Set([
  "",
  "application/csp-report",
  "application/expect-ct-report+json",
  "application/reports+json",
  "application/x-www-form-urlencoded",
  "application/xss-auditor-report",
  "multipart/form-data",
  "text/ping",
  "text/plain",
]);

/**
 * Refuses a POST that a page of another origin makes a browser send without a preflight, because a form can call a
 * method that takes no body. Other requests of a page that may change something need a preflight, which only an
 * allowed origin passes; a gateway in front may answer preflights by its own rules. GET and HEAD change nothing (RFC
 * 9110, 9.2.1).
 *
 * @throws HttpError `ORIGIN_NOT_ALLOWED`
 */
export function refuseCrossSite(
  { method, contentType = "", headers }: Pick<HttpRequest, "method" | "contentType" | "headers">,
  crossOrigin: CrossOrigin | undefined,
): void {
  const { origin, "sec-fetch-site": site } = headers;
  // A client that sends neither is no browser.
  if (method !== "POST" || (origin === undefined && site === undefined)) return;
  const [type = ""] = contentType.split(";", 1);
  if (!SENT_WITHOUT_PREFLIGHT.has(type.trim().toLowerCase())) return;
  // Pages cannot set this header, and it is right even where a proxy in front has changed `Host`.
  if (site === "same-origin" || site === "none") return;
  if (origin !== undefined && isOwnOrigin(origin, headers)) return;
  // A page that hides its origin is allowed only if every origin is.
  if (crossOrigin?.allows(origin ?? "null") === true) return;
  const text = "pages of this origin may not call methods here; --cors-origins names those that may";
  throw new HttpError("ORIGIN_NOT_ALLOWED", text);
}

/** Whether the page came from the host that it calls, by any scheme, because TLS ends in front of this port. */
export function isOwnOrigin(origin: string, headers: IncomingHttpHeaders): boolean {
  const page = URL.parse(origin);
  const host = headers[":authority"] ?? headers.host;
  if (page === null || host === undefined || page.host === "") return false;
  return page.host === URL.parse(`${page.protocol}//${host}`)?.host;
}
