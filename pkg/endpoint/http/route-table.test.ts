// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import * as fc from "fast-check";

import { pathTemplates } from "../testdata/path-templates.ts";
import type { PathTemplate } from "./path-template.ts";
import { parsePathTemplate } from "./path-template.ts";
import { ANY_METHOD, RouteTable } from "./route-table.ts";

function tableOf(...routes: readonly string[]): RouteTable<string> {
  const table = new RouteTable<string>();
  for (const route of routes) {
    const [httpMethod = "", path = ""] = route.split(" ");
    table.add(httpMethod, parsePathTemplate(path), route);
  }
  return table;
}

const table = tableOf(
  "GET /carts/{user}",
  "GET /carts/mine",
  "GET /carts/{user}/items",
  "POST /carts/{user}:clear",
  "GET /carts/**",
  "* /any/*",
  "PUT /any/*",
  "GET /files/{path=**}:raw",
  "GET /a%20b/*",
  "GET /heads/*",
  "HEAD /heads/*",
  "* /both",
  "GET /both",
);

const rooted = tableOf("GET /", "PUT /**");

const found: readonly (readonly [request: string, route: string | undefined])[] = [
  ["GET /carts/ann", "GET /carts/{user}"],
  ["GET /carts/mine", "GET /carts/mine"],
  ["GET /carts/%6dine", "GET /carts/mine"],
  ["GET /carts/ann/items", "GET /carts/{user}/items"],
  ["GET /carts/ann/other", "GET /carts/**"],
  ["GET /carts/", "GET /carts/**"],
  ["GET /carts", undefined],
  ["GET /carts/ann/", "GET /carts/**"],
  ["POST /carts/ann", undefined],
  ["POST /carts/ann:clear", "POST /carts/{user}:clear"],
  ["POST /carts/ann:other", undefined],
  ["POST /carts/a:b:clear", "POST /carts/{user}:clear"],
  ["POST /carts/ann:cle%61r", "POST /carts/{user}:clear"],
  ["POST /carts/ann:%zz", undefined],
  ["POST /carts/:clear", undefined],
  ["GET /carts/ann:clear", undefined],
  ["GET /carts/ann%3Aclear", "GET /carts/{user}"],
  ["GET /carts/ann:other", "GET /carts/{user}"],
  ["GET /carts/ann:", "GET /carts/{user}"],
  ["GET /carts/:", "GET /carts/{user}"],
  ["GET /carts/urn:isbn:1", "GET /carts/{user}"],
  ["GET /carts/a:b/items", "GET /carts/{user}/items"],
  ["GET /carts/a:clear/items", "GET /carts/{user}/items"],
  ["HEAD /carts/ann", "GET /carts/{user}"],
  ["HEAD /carts/mine", "GET /carts/mine"],
  ["HEAD /any/x", "* /any/*"],
  ["HEAD /heads/x", "HEAD /heads/*"],
  ["GET /heads/x", "GET /heads/*"],
  ["HEAD /both", "GET /both"],
  ["PUT /both", "* /both"],
  ["PUT /any/x", "PUT /any/*"],
  ["BREW /any/x", "* /any/*"],
  ["BREW /any/", undefined],
  ["GET /files/a/b:c:raw", "GET /files/{path=**}:raw"],
  ["GET /files/a/b", undefined],
  ["GET /a%20b/x", "GET /a%20b/*"],
  ["GET /%zz/x", undefined],
  ["GET /", undefined],
];

for (const [request, route] of found) {
  test(`${request} goes to ${route ?? "nobody"}`, (t) => {
    const [httpMethod = "", path = ""] = request.split(" ");
    t.is(table.find(httpMethod, path)?.route, route);
  });
}

test("the root is a path of its own", (t) => {
  t.is(rooted.find("GET", "/")?.route, "GET /");
  t.is(rooted.find("PUT", "/")?.route, "PUT /**");
  for (const path of ["//", "/a", "/:a"]) t.is(rooted.find("GET", path), undefined, path);
});

const methods: readonly (readonly [path: string, methods: readonly string[]])[] = [
  ["/carts/ann", ["GET", "HEAD"]],
  ["/carts/ann:clear", ["POST"]],
  ["/carts/ann:other", ["GET", "HEAD"]],
  ["/heads/x", ["GET", "HEAD"]],
  ["/nowhere", []],
];

for (const [path, allowed] of methods) {
  test(`${path} is there for ${allowed.join(" and ") || "nobody"}`, (t) => {
    t.deepEqual(
      tableOf("GET /carts/{user}", "POST /carts/{user}:clear", "GET /heads/*", "HEAD /heads/*").methodsOf(
        path,
      ),
      allowed,
    );
  });
}

test("of two equal routes the one added last wins", (t) => {
  const twice = new RouteTable<number>();
  twice.add("GET", parsePathTemplate("/a/{x}"), 1);
  twice.add("GET", parsePathTemplate("/a/{y}"), 2);
  t.is(twice.find("GET", "/a/b")?.route, 2);
});

test("a match hands out the path's elements as they came, without the verb", (t) => {
  t.deepEqual(table.find("POST", "/carts/a%2Fb:clear")?.segments, ["carts", "a%2Fb"]);
});

/** The reference for the tree: tries every template by itself, and applies the order of invariant 1. */
function naiveFind(templates: readonly PathTemplate[], path: string): number | undefined {
  const ranked = templates
    .map((template, index) => ({ index, rank: rank(template), matches: matches(template, path) }))
    .filter((candidate) => candidate.matches)
    .sort((a, b) => a.rank.localeCompare(b.rank) || b.index - a.index);
  return ranked[0]?.index;
}

function rank(template: PathTemplate): string {
  const order = { literal: "0", one: "1", rest: "2" };
  return (
    (template.verb === undefined ? "1" : "0") + template.segments.map(({ kind }) => order[kind]).join("")
  );
}

function matches(template: PathTemplate, path: string): boolean {
  let bare = path;
  if (template.verb !== undefined) {
    if (!path.endsWith(`:${template.verb}`)) return false;
    bare = path.slice(0, -template.verb.length - 1);
  }
  const elements = bare.slice(1).split("/");
  const takesRest = template.segments.at(-1)?.kind === "rest";
  if (takesRest ? elements.length < template.segments.length : elements.length !== template.segments.length)
    return false;
  return template.segments.every((segment, index) => {
    const element = elements[index] ?? "";
    if (segment.kind === "rest") return true;
    return segment.kind === "literal" ? decodeURIComponent(element) === segment.text : element !== "";
  });
}

test("the tree finds what trying every template finds", (t) => {
  const elements = fc.constantFrom("a", "b", "c", "%61", "", "x:y", "1%2F2");
  const paths = fc
    .tuple(fc.array(elements, { minLength: 1, maxLength: 5 }), fc.constantFrom("", ":go", ":stop", ":x:go"))
    .map(([parts, verb]) => `/${parts.join("/")}${verb}`);
  let hits = 0;
  fc.assert(
    fc.property(
      fc.array(pathTemplates, { maxLength: 12 }),
      fc.array(paths, { minLength: 1, maxLength: 8 }),
      (templates, asked) => {
        const tree = new RouteTable<number>();
        templates.forEach((template, index) => tree.add("GET", template, index));
        for (const path of asked) {
          const expected = naiveFind(templates, path);
          if (expected !== undefined) hits++;
          t.is(tree.find("GET", path)?.route, expected, `${path} in ${JSON.stringify(templates)}`);
        }
      },
    ),
    { numRuns: 500 },
  );
  t.true(hits > 100, `only ${hits} paths were found at all`);
});

test("a method goes before any method only at the same template", (t) => {
  const mixed = new RouteTable<string>();
  mixed.add(ANY_METHOD, parsePathTemplate("/a/b"), "any, exact");
  mixed.add("GET", parsePathTemplate("/a/*"), "get, wild");
  t.is(mixed.find("GET", "/a/b")?.route, "any, exact");
});
