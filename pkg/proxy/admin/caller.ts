// SPDX-License-Identifier: Apache-2.0

import { hash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";

/** The parts of a request that identify its sender. */
export interface CallerFacts {
  readonly headers: IncomingHttpHeaders;
  /** The two ends of its connection. */
  readonly remoteAddress: string | undefined;
  readonly localAddress: string | undefined;
}

/**
 * Who may call a route: every caller; every caller that is not a web page; only programs of this machine or pod; any
 * caller that sends the secret.
 */
export type Reach = "anyone" | "programs" | "loopback" | "secret";

/** The header that carries the secret. */
const SECRET_HEADER = "perdure-drain-secret";

/** Why a request is refused. */
export interface Refusal {
  readonly code: AdminRefusalCode;
  readonly text: string;
}

/** Why the admin port refuses a request. */
export type AdminRefusalCode =
  | "ADMIN_BAD_QUERY"
  | "ADMIN_FAILED"
  | "ADMIN_HOST_NOT_ALLOWED"
  | "ADMIN_METHOD_NOT_ALLOWED"
  | "ADMIN_ONLY_LOOPBACK"
  | "ADMIN_PAGE_NOT_ALLOWED"
  | "ADMIN_UNKNOWN_PATH"
  | "ADMIN_WRONG_SECRET";

/**
 * Why this caller may not call a route; undefined if it may. A web page may call only routes of reach `anyone`,
 * because a browser on a developer's machine sends requests to loopback addresses for any page that it shows.
 *
 * @param secret empty if there is none; then routes of reach `secret` refuse every caller.
 */
export function refusal(facts: CallerFacts, reach: Reach, secret: string): Refusal | undefined {
  if (reach === "anyone") return undefined;
  if (isPage(facts.headers)) return refuse("ADMIN_PAGE_NOT_ALLOWED", "web pages may not call this");
  if (!isDirect(facts.headers.host)) {
    const text = "the Host header has to be an IP address or localhost: a name may be that of a web page";
    return refuse("ADMIN_HOST_NOT_ALLOWED", text);
  }
  if (reach === "programs") return undefined;
  if (reach === "loopback") {
    if (isLoopback(facts)) return undefined;
    return refuse("ADMIN_ONLY_LOOPBACK", "this is answered on the loopback interface only");
  }
  if (isSecret(facts.headers[SECRET_HEADER], secret)) return undefined;
  return refuse("ADMIN_WRONG_SECRET", `the header ${SECRET_HEADER} has to be the value of --drain-secret`);
}

/** Whether the caller is a program of this machine or pod, which may see more details than other callers. */
export function isLocalProgram(facts: CallerFacts): boolean {
  return refusal(facts, "loopback", "") === undefined;
}

/**
 * Whether the caller may do what changes the proxy: it sends the secret, or is a local program and there is none. A
 * program that fetches what others name, as a user function may, is local, but it does not send the secret.
 */
export function isOperator(facts: CallerFacts, secret: string): boolean {
  return refusal(facts, secret === "" ? "loopback" : "secret", secret) === undefined;
}

/** Whether a web page caused the request. Browsers set these headers, and pages cannot set them (Fetch standard). */
function isPage({ origin, "sec-fetch-site": site }: IncomingHttpHeaders): boolean {
  return origin !== undefined || (site !== undefined && site !== "none" && site !== "same-origin");
}

/**
 * Whether `Host` is an IP address or `localhost`. By DNS rebinding, the name of an attacker's page can resolve to
 * this address. The browser then takes a request of that page for one of the same origin, but sends the page's name
 * in `Host`. Only a request of HTTP/1.0 may have no `Host`.
 */
function isDirect(host: string | undefined): boolean {
  if (host === undefined) return true;
  const name = host.replace(/:\d*$/, "");
  const address = /^\[(.*)\]$/.exec(name)?.[1] ?? name;
  return name.toLowerCase() === "localhost" || isIP(address) !== 0;
}

/**
 * Whether both ends are loopback addresses. The caller's end alone proves nothing, because a service mesh forwards
 * requests from outside the pod out of a loopback address, but not to one.
 */
function isLoopback({ remoteAddress, localAddress }: CallerFacts): boolean {
  return [remoteAddress, localAddress].every((address) => isLoopbackAddress(address ?? ""));
}

function isLoopbackAddress(address: string): boolean {
  return address === "::1" || (/^(?:::ffff:)?127\./.test(address) && isIP(address) !== 0);
}

/** Takes the same time for every wrong secret, so that the time of an answer tells nothing about the right one. */
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
