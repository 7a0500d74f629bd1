// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders } from "node:http2";

import { TEXT_TYPE } from "./error-response.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import { ANY_ORIGIN } from "./origins.ts";

/** What pages of other origins may do here (Fetch standard, "CORS protocol"): nothing, unless their origin is named. */
export interface CrossOrigin {
  /** Whether pages of this origin may. */
  allows(origin: string): boolean;
  /** The answer to a preflight request; undefined if the request is not a preflight, or its origin is not allowed. */
  preflight(request: HttpRequest): HttpResponse | undefined;
  /** Headers that every answer carries, as a flat list of names and values. */
  headers(request: IncomingHttpHeaders): readonly string[];
}

/** How long a browser may remember the answer to a preflight, in seconds: the most that Chromium does. */
const MAX_AGE_S = "7200";

const NONE: readonly string[] = [];
const TOKENS = /^[\w!#$%&'*+.^`|~-]+(?:\s*,\s*[\w!#$%&'*+.^`|~-]+)*$/;

/** Lets pages of these origins call anything, but never with credentials. Undefined if there are none. */
export function createCrossOrigin(origins: readonly string[]): CrossOrigin | undefined {
  if (origins.length === 0) return undefined;
  const isAny = origins.includes(ANY_ORIGIN);
  const allowed = new Set(origins);
  // A cache must not give one page's answer to another one.
  const vary = isAny ? NONE : ["vary", "origin"];

  const allows = (origin: string): boolean => isAny || allowed.has(origin);
  const allow = (origin: string | undefined): readonly string[] => {
    if (origin === undefined || !allows(origin)) return vary;
    const allowOrigin = isAny ? ANY_ORIGIN : origin;
    return ["access-control-allow-origin", allowOrigin, "access-control-expose-headers", "*", ...vary];
  };
  return {
    allows,
    headers: ({ origin }) => allow(origin),
    preflight({ method, headers }) {
      const asked = headers["access-control-request-method"];
      const fields = headers["access-control-request-headers"] ?? "";
      if (method !== "OPTIONS" || asked === undefined || !TOKENS.test(asked)) return undefined;
      if (headers.origin === undefined || !allows(headers.origin)) return undefined;
      const granted = ["access-control-allow-methods", asked, "access-control-max-age", MAX_AGE_S];
      if (TOKENS.test(fields)) granted.push("access-control-allow-headers", fields);
      return { status: 200, contentType: TEXT_TYPE, errorCode: undefined, headers: granted, body: "" };
    },
  };
}
