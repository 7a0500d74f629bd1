// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders } from "node:http2";

import type { CrossOrigin } from "../http/cors.ts";
import { isOwnOrigin } from "../http/cross-site.ts";
import { HttpError } from "../http/http-error.ts";

/**
 * Whether a page of another origin asks. Browsers let every page open a WebSocket to anybody, and send the cookies that
 * they have: what CORS is for other requests has to be decided here. Who sends no `origin` is no page.
 *
 * @throws HttpError `ORIGIN_NOT_ALLOWED` if it does, and may not.
 */
export function isForeignPage(headers: IncomingHttpHeaders, crossOrigin: CrossOrigin | undefined): boolean {
  const { origin } = headers;
  if (origin === undefined || isOwnOrigin(origin, headers)) return false;
  if (crossOrigin?.allows(origin) === true) return true;
  const text = "pages of this origin may not open a WebSocket here; --cors-origins names those that may";
  throw new HttpError("ORIGIN_NOT_ALLOWED", text);
}

/** Browsers add them by themselves, whichever page asks. */
const AMBIENT = new Set(["cookie", "authorization"]);

/** HTTP has no time that its caller waits. */
const NEVER = new Set(["grpc-timeout"]);

/** What of a request's headers a method hears, as an object and as a flat list; of foreign pages' no credentials. */
export function passedHeaders(
  headers: IncomingHttpHeaders,
  raw: readonly string[],
  isForeign: boolean,
): { readonly headers: IncomingHttpHeaders; readonly rawHeaders: readonly string[] } {
  const isPassed = (name: string): boolean => !NEVER.has(name) && !(isForeign && AMBIENT.has(name));
  const passed: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? "";
    if (isPassed(name.toLowerCase())) passed.push(name, raw[i + 1] ?? "");
  }
  return {
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => isPassed(name))),
    rawHeaders: passed,
  };
}
