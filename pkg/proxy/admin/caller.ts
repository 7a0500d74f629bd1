// SPDX-License-Identifier: Apache-2.0

import { hash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";

/** The part of a request that says who sent it. */
export interface CallerFacts {
  readonly headers: IncomingHttpHeaders;
  /** The two ends of its connection. */
  readonly remoteAddress: string | undefined;
  readonly localAddress: string | undefined;
}

/** Who may call a route: everyone; programs of this machine or pod; who has the secret, wherever it is. */
export type Reach = "anyone" | "loopback" | "secret";

/** The header that carries the secret. */
const SECRET_HEADER = "perdure-drain-secret";

/** Why a request is refused. */
export interface Refusal {
  readonly code: AdminRefusalCode;
  readonly text: string;
}

/** Why the admin port refuses a request. */
export type AdminRefusalCode =
  | "ADMIN_FAILED"
  | "ADMIN_HOST_NOT_ALLOWED"
  | "ADMIN_METHOD_NOT_ALLOWED"
  | "ADMIN_ONLY_LOOPBACK"
  | "ADMIN_PAGE_NOT_ALLOWED"
  | "ADMIN_UNKNOWN_PATH"
  | "ADMIN_WRONG_SECRET";

/**
 * Why this caller may not call a route; undefined if it may. Web pages may call none that is not for everyone: a browser on
 * the machine of a developer reaches loopback too, for whichever page it shows.
 *
 * @param secret empty if there is none; then nothing reaches routes for those who have it.
 */
export function refusal(facts: CallerFacts, reach: Reach, secret: string): Refusal | undefined {
  if (reach === "anyone") return undefined;
  if (isPage(facts.headers)) return refuse("ADMIN_PAGE_NOT_ALLOWED", "web pages may not call this");
  if (!isDirect(facts.headers.host)) {
    const text = "the Host header has to be an IP address or localhost: a name may be that of a web page";
    return refuse("ADMIN_HOST_NOT_ALLOWED", text);
  }
  if (reach === "loopback") {
    if (isLoopback(facts)) return undefined;
    return refuse("ADMIN_ONLY_LOOPBACK", "this is answered on the loopback interface only");
  }
  if (isSecret(facts.headers[SECRET_HEADER], secret)) return undefined;
  return refuse("ADMIN_WRONG_SECRET", `the header ${SECRET_HEADER} has to be the value of --drain-secret`);
}

/** Whether a program of this machine or pod calls, which may hear what other callers need not know. */
export function isLocalProgram(facts: CallerFacts): boolean {
  return refusal(facts, "loopback", "") === undefined;
}

/** Browsers say by these headers, which pages cannot set, that a page made them send a request (Fetch standard). */
function isPage({ origin, "sec-fetch-site": site }: IncomingHttpHeaders): boolean {
  return origin !== undefined || (site !== undefined && site !== "none" && site !== "same-origin");
}

/**
 * Whether a caller named the address that it connects to. A page whose name has been made to lead here (DNS rebinding) is
 * of the same origin, in the eyes of its browser, but its name stands in `Host`. Only HTTP/1.0 may be without one.
 */
function isDirect(host: string | undefined): boolean {
  if (host === undefined) return true;
  const name = host.replace(/:\d*$/, "");
  const address = /^\[(.*)\]$/.exec(name)?.[1] ?? name;
  return name.toLowerCase() === "localhost" || isIP(address) !== 0;
}

/** Both ends have to be: a service mesh hands on what came from outside from a loopback address, but not to one. */
function isLoopback({ remoteAddress, localAddress }: CallerFacts): boolean {
  return [remoteAddress, localAddress].every((address) => isLoopbackAddress(address ?? ""));
}

function isLoopbackAddress(address: string): boolean {
  return address === "::1" || (/^(?:::ffff:)?127\./.test(address) && isIP(address) !== 0);
}

/** Takes the same time whatever is wrong with it. */
function isSecret(given: string | string[] | undefined, secret: string): boolean {
  if (typeof given !== "string" || secret === "") return false;
  return timingSafeEqual(digest(given), digest(secret));
}

function digest(text: string): Buffer {
  return hash("sha256", text, "buffer");
}

function refuse(code: AdminRefusalCode, text: string): Refusal {
  return { code, text };
}
