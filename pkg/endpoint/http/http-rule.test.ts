// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { HttpRule } from "../../protocol/mod.ts";

import { librarySpec } from "../testdata/library-spec.ts";
import { httpBindings, ruleBindings } from "./http-rule.ts";
import { printPathTemplate } from "./path-template.ts";
import { checkHttpRules, httpRoutes } from "./routes.ts";

const spec = librarySpec();
const library = spec.services.get("perdure.test.library.Library");

function methodOf(name: string) {
  const method = library?.methods.get(name);
  if (method === undefined) throw new Error(`no method ${name}`);
  return method.desc;
}

function rule(parts: Partial<HttpRule>): HttpRule {
  return {
    $typeName: "google.api.HttpRule",
    selector: "",
    pattern: { case: undefined },
    body: "",
    responseBody: "",
    additionalBindings: [],
    ...parts,
  };
}

test("a method without a rule is served at its gRPC path, with the whole message as body", (t) => {
  const echo = spec.services.get("perdure.test.library.Plain")?.methods.get("Echo")?.desc;
  const { bindings, errors } = httpBindings(echo ?? methodOf("GetBook"));
  t.deepEqual(errors, []);
  t.deepEqual(
    bindings.map((binding) => [binding.httpMethod, printPathTemplate(binding.template), binding.body.kind]),
    [["POST", "/perdure.test.library.Plain/Echo", "message"]],
  );
});

test("every route of a specification is listed in its order", (t) => {
  t.deepEqual(
    httpRoutes(spec).map(({ httpMethod, path, body }) => `${httpMethod} ${path} ${body}`.trimEnd()),
    [
      "GET /books/{isbn}",
      "GET /books/{isbn}/tags",
      "GET /books/{isbn}/copies",
      "GET /books/{isbn}/author",
      "PUT /books/{isbn} *",
      "PATCH /books/{isbn}/author author",
      "POST /books/{isbn}:lend",
      "GET /shelves/{shelf}/search",
      "GET /files/{path=**}",
      "* /anything/{isbn=shelf/*}/end",
      "POST /perdure.test.library.Plain/Echo *",
      "POST /talks *",
      "POST /perdure.test.library.Talks/Gather *",
      "POST /perdure.test.library.Talks/Recite *",
      "POST /perdure.test.library.Talks/Chat *",
      "POST /uploads *",
      "PUT /attachments/{name} file",
      "PUT /attachments/{name}/file file",
      "GET /downloads/{text}",
    ],
  );
  t.deepEqual(checkHttpRules(spec), []);
});

const get = (value: string) => ({ pattern: { case: "get", value } }) as const;
const custom = (kind: string) =>
  ({
    pattern: { case: "custom", value: { $typeName: "google.api.CustomHttpPattern", kind, path: "/a" } },
  }) as const;
const post = (value: string) => ({ pattern: { case: "post", value } }) as const;

const wrong: readonly (readonly [parts: Partial<HttpRule>, problem: string])[] = [
  [{}, "it names no HTTP method and path"],
  [get("books"), 'path "books": must start with /, at character 1'],
  [
    { ...get("/a"), selector: "x.Y" },
    "selector must be empty or perdure.test.library.Library.Search, not x.Y",
  ],
  [custom("head"), 'custom kind must be * or the name of an HTTP method with a path, as HEAD, not "head"'],
  [custom("BREW"), 'custom kind must be * or the name of an HTTP method with a path, as HEAD, not "BREW"'],
  [
    custom("CONNECT"),
    'custom kind must be * or the name of an HTTP method with a path, as HEAD, not "CONNECT"',
  ],
  [custom(""), 'custom kind must be * or the name of an HTTP method with a path, as HEAD, not ""'],
  [get("/{nothing}"), 'path "/{nothing}": perdure.test.library.SearchRequest has no field nothing'],
  [get("/{page.nothing}"), 'path "/{page.nothing}": perdure.test.library.Page has no field nothing'],
  [get("/{nothing.size}"), 'path "/{nothing.size}": perdure.test.library.SearchRequest has no field nothing'],
  [
    get("/{page.cursor}"),
    'path "/{page.cursor}": field cursor is a perdure.test.library.Page.Cursor; only a single scalar or enum may stand in a path',
  ],
  [
    get("/{pages_seen.size}"),
    'path "/{pages_seen.size}": field pages_seen is repeated; only a single message has fields',
  ],
  [
    get("/{shelf.size}"),
    'path "/{shelf.size}": field shelf is of kind scalar; only a single message has fields',
  ],
  [
    get("/{bought_after.seconds}"),
    'path "/{bought_after.seconds}": field bought_after is a google.protobuf.Timestamp; only a single message has fields',
  ],
  [get("/{tag}"), 'path "/{tag}": field tag is repeated; only a single scalar or enum may stand in a path'],
  [
    get("/{page}"),
    'path "/{page}": field page is a perdure.test.library.Page; only a single scalar or enum may stand in a path',
  ],
  [
    get("/{labels}"),
    'path "/{labels}": field labels is of kind map; only a single scalar or enum may stand in a path',
  ],
  [{ ...get("/a"), body: "*" }, 'body "*" is not possible, since GET has no body'],
  [{ ...post("/a"), body: "none" }, "body: perdure.test.library.SearchRequest has no field none"],
  [{ ...custom("HEAD"), body: "*" }, 'body "*" is not possible, since HEAD has no body'],
  [{ ...post("/a"), body: "page.size" }, "body: perdure.test.library.SearchRequest has no field page.size"],
  [
    { ...get("/a"), responseBody: "page.size" },
    "response_body: perdure.test.library.SearchRequest has no field page.size",
  ],
];

for (const [parts, problem] of wrong) {
  test(`a rule is refused: ${problem}`, (t) => {
    const { bindings, errors } = ruleBindings(methodOf("Search"), rule(parts));
    t.deepEqual(errors, [`google.api.http of perdure.test.library.Library.Search: ${problem}`]);
    t.is(bindings.length, 0);
  });
}

const right: readonly (readonly [parts: Partial<HttpRule>, route: string])[] = [
  [get("/"), "GET / none"],
  [get("/{page.cursor.token}/{genre}"), "GET /{page.cursor.token}/{genre} none"],
  [get("/{page.cursor.token=a/*/b/**}:go"), "GET /{page.cursor.token=a/*/b/**}:go none"],
  [custom("HEAD"), "HEAD /a none"],
  [{ ...custom("REPORT"), body: "*" }, "REPORT /a message"],
  [{ ...custom("*"), body: "tag" }, "* /a field"],
  [{ pattern: { case: "delete", value: "/a" }, body: "*" }, "DELETE /a message"],
  ...["tag", "labels", "cover", "shelf", "lent", "genre", "page", "extra", "bought_after", "by_title"].map(
    (body) => [{ ...post("/a"), body }, "POST /a field"] as const,
  ),
];

for (const [parts, route] of right) {
  test(`a rule is read: ${route} ${parts.body ?? ""}`, (t) => {
    const { bindings, errors } = ruleBindings(methodOf("Search"), rule(parts));
    t.deepEqual(errors, []);
    t.deepEqual(
      bindings.map(
        ({ httpMethod, template, body }) => `${httpMethod} ${printPathTemplate(template)} ${body.kind}`,
      ),
      [route],
    );
  });
}

test("the good bindings of a rule stand beside the errors of the bad ones", (t) => {
  const deeper = rule({ ...get("/c"), additionalBindings: [rule(get("/d"))] });
  const additionalBindings = [rule(get("/b")), deeper, rule(get("e"))];
  const { bindings, errors } = ruleBindings(methodOf("Search"), rule({ ...get("/a"), additionalBindings }));
  t.deepEqual(
    bindings.map((binding) => printPathTemplate(binding.template)),
    ["/a", "/b"],
  );
  t.is(errors.length, 2);
  t.regex(errors[0] ?? "", /additional_bindings inside additional_bindings are not allowed/);
});

test("a selector may be the method's own name", (t) => {
  const selector = "perdure.test.library.Library.Search";
  t.deepEqual(ruleBindings(methodOf("Search"), rule({ ...get("/a"), selector })).errors, []);
});
