// SPDX-License-Identifier: Apache-2.0

/**
 * Finds the route of a path in a tree of segments: a look-up costs the length of the path, not the number of routes.
 *
 * 1. Of several routes that match, the most specific one wins. A verb goes before none; then, from left to right, a
 *    literal goes before `*`, and `*` before `**`; then an HTTP method goes before "any method". HEAD uses the route
 *    of GET if it has no route itself (RFC 9110, 9.3.2).
 * 2. Of two routes that are the same in all of that, the one added last wins (as in Cloudstate's proxy).
 * 3. Segments and verbs are compared percent-decoded, but a match holds the segments as they came: the code that
 *    reads a variable decodes it, once.
 * 4. The text after the last colon is a verb if the path has a route with that verb, whatever its HTTP method, else a
 *    part of the last segment. So one path never has two meanings. An encoded colon (`%3A`) never begins a verb.
 */

import { getOrMake } from "../../base/mod.ts";

import type { PathTemplate } from "./path-template.ts";

/** Stands for every HTTP method. */
export const ANY_METHOD = "*";

export interface RouteMatch<Route> {
  readonly route: Route;
  /** The path's elements between the slashes, still percent-encoded and without the verb. */
  readonly segments: readonly string[];
}

interface Node<Route> {
  readonly literals: Map<string, Node<Route>>;
  one: Node<Route> | undefined;
  /** Routes that end here, by verb and then by HTTP method; `""` is no verb. */
  readonly ends: Map<string, Map<string, Route>>;
  /** Routes that take whatever follows, by verb and then by HTTP method. */
  readonly rests: Map<string, Map<string, Route>>;
}

export class RouteTable<Route> {
  readonly #root: Node<Route> = emptyNode();
  readonly #httpMethods = new Set<string>();
  readonly #verbs = new Set<string>();

  add(httpMethod: string, template: PathTemplate, route: Route): void {
    let node = this.#root;
    let takesRest = false;
    for (const segment of template.segments) {
      if (segment.kind === "rest") takesRest = true;
      else if (segment.kind === "one") node = node.one ??= emptyNode();
      else node = getOrMake(node.literals, segment.text, emptyNode<Route>);
    }
    const verb = template.verb ?? "";
    if (verb !== "") this.#verbs.add(verb);
    this.#httpMethods.add(httpMethod);
    const leaves = takesRest ? node.rests : node.ends;
    getOrMake(leaves, verb, () => new Map<string, Route>()).set(httpMethod, route);
  }

  /** @param path starts with `/` and has no query. */
  find(httpMethod: string, path: string): RouteMatch<Route> | undefined {
    const segments = path.slice(1).split("/");
    const verbed = this.#verbs.size === 0 ? undefined : splitVerb(segments, this.#verbs);
    if (verbed !== undefined) {
      const found = this.#find(httpMethod, verbed.segments, verbed.verb);
      // (4)
      if (found !== undefined || this.#methodsOf(verbed.segments, verbed.verb).length > 0) return found;
    }
    return this.#find(httpMethod, segments, "");
  }

  /** The HTTP methods under which a path has a route, sorted. Slow: only for requests that no route takes. */
  methodsOf(path: string): string[] {
    return [...new Set([...this.#httpMethods, "HEAD"])]
      .filter((each) => this.find(each, path) !== undefined)
      .sort();
  }

  #methodsOf(segments: readonly string[], verb: string): string[] {
    return [...this.#httpMethods].filter((each) => this.#find(each, segments, verb) !== undefined);
  }

  #find(httpMethod: string, segments: readonly string[], verb: string): RouteMatch<Route> | undefined {
    const route = descend(this.#root, segments, 0, verb, httpMethod);
    return route === undefined ? undefined : { route, segments };
  }
}

/** Depth first, the more specific child first; at most every node of the tree is visited once. */
function descend<Route>(
  node: Node<Route>,
  segments: readonly string[],
  index: number,
  verb: string,
  httpMethod: string,
): Route | undefined {
  const segment = segments[index];
  if (segment === undefined) return pick(node.ends.get(verb), httpMethod);

  const literal = node.literals.get(segment) ?? encodedLiteral(node, segment);
  const exact = literal && descend(literal, segments, index + 1, verb, httpMethod);
  if (exact !== undefined) return exact;

  if (node.one !== undefined && segment !== "") {
    const found = descend(node.one, segments, index + 1, verb, httpMethod);
    if (found !== undefined) return found;
  }
  return pick(node.rests.get(verb), httpMethod);
}

function pick<Route>(byMethod: Map<string, Route> | undefined, httpMethod: string): Route | undefined {
  if (byMethod === undefined) return undefined;
  const own = byMethod.get(httpMethod) ?? (httpMethod === "HEAD" ? byMethod.get("GET") : undefined);
  return own ?? byMethod.get(ANY_METHOD);
}

/** Splits the verb off the last element of a path; undefined if the path does not end with one of `verbs`. */
function splitVerb(
  segments: readonly string[],
  verbs: ReadonlySet<string>,
): { readonly segments: readonly string[]; readonly verb: string } | undefined {
  const last = segments.at(-1) ?? "";
  const colon = last.lastIndexOf(":");
  if (colon === -1) return undefined;
  const verb = decoded(last.slice(colon + 1));
  return !verbs.has(verb) ? undefined : { segments: [...segments.slice(0, -1), last.slice(0, colon)], verb };
}

function encodedLiteral<Route>(node: Node<Route>, segment: string): Node<Route> | undefined {
  return segment.includes("%") ? node.literals.get(decoded(segment)) : undefined;
}

/** Percent-decodes a text. Broken encoding stays as it is. */
function decoded(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function emptyNode<Route>(): Node<Route> {
  return { literals: new Map(), one: undefined, ends: new Map(), rests: new Map() };
}
