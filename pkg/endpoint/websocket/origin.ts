// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders } from "node:http2";

import type { CrossOrigin } from "../http/cors.ts";
import { isOwnOrigin } from "../http/cross-site.ts";
import { HttpError } from "../http/http-error.ts";

/**
 * Whether the request comes from a page of another origin. Browsers let every page open a WebSocket to any server,
 * and send their cookies with the request. So the check that CORS makes for other requests must be made here. A
 * client that sends no `origin` is not a page.
 *
 * @throws HttpError `ORIGIN_NOT_ALLOWED` if the page is of another origin, which is not allowed.
 */
export function isForeignPage(headers: IncomingHttpHeaders, crossOrigin: CrossOrigin | undefined): boolean {
  const { origin } = headers;
  if (origin === undefined || isOwnOrigin(origin, headers)) return false;
  if (crossOrigin?.allows(origin) === true) return true;
  const text = "pages of this origin may not open a WebSocket here; --cors-origins names those that may";
  throw new HttpError("ORIGIN_NOT_ALLOWED", text);
}

/** Headers that browsers add by themselves, whichever page makes the request. */
const AMBIENT = new Set(["cookie", "authorization"]);

/** Headers that are never passed: over HTTP a caller cannot set a time-out. */
const NEVER = new Set(["grpc-timeout"]);

/** The headers that a method gets, as an object and as a flat list. Foreign pages lose their credentials. */
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
