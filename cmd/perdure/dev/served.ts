// SPDX-License-Identifier: Apache-2.0

import type { DescMethod } from "@bufbuild/protobuf";

import type { UnservedPart } from "../../../pkg/userfunction/mod.ts";

import type { Route } from "./try-lines.ts";
import { curlLine, grpcurlLine } from "./try-lines.ts";

/** A served route as it is shown to the developer, with lines to try it. */
export interface ServedRoute {
  /** Full name, as `com.example.ShoppingCart`. */
  readonly service: string;
  readonly method: string;
  readonly httpMethod: string;
  readonly path: string;
  readonly curl: string;
  readonly grpcurl: string;
}

export interface ServedAddress {
  readonly host: string;
  readonly port: number;
}

export function servedRoutes(routes: readonly Route[], { host, port }: ServedAddress): ServedRoute[] {
  const address = `${host}:${port}`;
  return routes.map((route) => ({
    ...nameOf(route.method),
    httpMethod: route.httpMethod === "*" ? "ANY" : route.httpMethod,
    path: route.path,
    curl: curlLine(route, `http://${address}`),
    grpcurl: grpcurlLine(route.method, address),
  }));
}

function nameOf(method: DescMethod): { readonly service: string; readonly method: string } {
  return { service: method.parent.typeName, method: method.name };
}

const NOT_DONE: Readonly<Record<UnservedPart["what"], string>> = {
  calls: "not served",
  http: "not served by one of its HTTP rules",
  events: "not given events",
};

/** Announced parts that the proxy does not serve, as `shop.Votes: not served`. The proxy's log says why. */
export function unservedNames(parts: readonly UnservedPart[]): string[] {
  return parts.map(({ what, service, method }) => {
    const name = method === undefined ? service : `${service}.${method}`;
    return `${name}: ${NOT_DONE[what]}`;
  });
}

export type Change =
  | { readonly kind: "added" | "removed"; readonly route: ServedRoute }
  /** The same path takes other fields now. */
  | { readonly kind: "changed"; readonly route: ServedRoute };

/** The differences between two lists of served routes; removed routes come first. */
export function changesBetween(before: readonly ServedRoute[], after: readonly ServedRoute[]): Change[] {
  const old = new Map(before.map((route) => [keyOf(route), route]));
  const keys = new Set(after.map(keyOf));
  const removed = before
    .filter((route) => !keys.has(keyOf(route)))
    .map((route): Change => ({ kind: "removed", route }));
  const others = after.flatMap((route): Change[] => {
    const earlier = old.get(keyOf(route));
    if (earlier === undefined) return [{ kind: "added", route }];
    const same = earlier.curl === route.curl && earlier.grpcurl === route.grpcurl;
    return same ? [] : [{ kind: "changed", route }];
  });
  return [...removed, ...others];
}

function keyOf({ service, method, httpMethod, path }: ServedRoute): string {
  return [service, method, httpMethod, path].join(" ");
}
