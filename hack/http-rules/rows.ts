// SPDX-License-Identifier: Apache-2.0

import type { JsonValue } from "@bufbuild/protobuf";

/** A form of HTTP rule, with requests to it and their outcomes on the public port. */
export interface Form {
  /** What the form shows, as text for the page. */
  readonly title: string;
  /** Of the service `Rules`; its rule is the example. */
  readonly method: string;
  readonly exchanges: readonly Exchange[];
}

export interface Exchange {
  /** As `GET /books/1`. */
  readonly line: string;
  /** Sent with `contentType`, by default `application/json`. */
  readonly body?: string;
  readonly contentType?: string;
  readonly outcome: Outcome;
}

export type Outcome =
  /** The method gets this message. */
  | { readonly kind: "served"; readonly message: JsonValue }
  /** The method answers with this message, which becomes the body. */
  | {
      readonly kind: "answered";
      readonly reply: JsonValue;
      readonly contentType: string;
      readonly body: string;
    }
  /** The port answers by itself. */
  | { readonly kind: "refused"; readonly status: number; readonly code: string; readonly allow?: string }
  | { readonly kind: "options"; readonly allow: string };

const gets = (line: string, message: JsonValue, body?: string, contentType?: string): Exchange => ({
  line,
  ...(body !== undefined && { body }),
  ...(contentType !== undefined && { contentType }),
  outcome: { kind: "served", message },
});

const answers = (
  line: string,
  reply: JsonValue,
  body: string,
  contentType = "application/json",
): Exchange => ({
  line,
  outcome: { kind: "answered", reply, contentType, body },
});

const refuses = (line: string, status: number, code: string, body?: string): Exchange => ({
  line,
  ...(body !== undefined && { body }),
  outcome: { kind: "refused", status, code },
});

const notAllowed = (line: string, allow: string): Exchange => ({
  line,
  outcome: { kind: "refused", status: 405, code: "METHOD_NOT_ALLOWED", allow },
});

const options = (line: string, allow: string): Exchange => ({ line, outcome: { kind: "options", allow } });

const PATHS: readonly Form[] = [
  {
    title: "a literal",
    method: "Literal",
    exchanges: [
      gets("GET /books", {}),
      gets("GET /b%6Foks", {}),
      refuses("GET /books/", 404, "UNKNOWN_PATH"),
      notAllowed("POST /books", "GET, HEAD, OPTIONS"),
    ],
  },
  {
    title: "the root",
    method: "Root",
    exchanges: [gets("GET /", {}), refuses("GET //", 404, "UNKNOWN_PATH")],
  },
  {
    title: "a variable: one element, percent-decoded",
    method: "Variable",
    exchanges: [
      gets("GET /books/1", { name: "1" }),
      gets("GET /books/a%2Fb%20%C3%A4+c", { name: "a/b ä+c" }),
      gets("GET /books/urn:isbn:1", { name: "urn:isbn:1" }),
      gets("GET /books/1?name=2", { name: "1" }),
      refuses("GET /books/%ff", 400, "MALFORMED_PATH"),
    ],
  },
  {
    title: "a variable of a number",
    method: "Number",
    exchanges: [
      gets("GET /pages/12", { pages: "12" }),
      refuses("GET /pages/many", 400, "WRONG_PARAMETER_TYPE"),
      refuses("GET /pages/9223372036854775808", 400, "WRONG_PARAMETER_TYPE"),
    ],
  },
  {
    title: "a variable of an enum: by name or number",
    method: "Enum",
    exchanges: [
      gets("GET /genres/POETRY", { genre: "POETRY" }),
      gets("GET /genres/1", { genre: "NOVEL" }),
      gets("GET /genres/77", { genre: 77 }),
      refuses("GET /genres/poetry", 400, "WRONG_PARAMETER_TYPE"),
    ],
  },
  {
    title: "a variable of several elements",
    method: "Several",
    exchanges: [
      gets("GET /v1/publishers/p/books/b%20c", { name: "publishers/p/books/b c" }),
      gets("GET /v1/publishers/a%2Fb/books/1", { name: "publishers/a%2Fb/books/1" }),
      refuses("GET /v1/publishers/p", 404, "UNKNOWN_PATH"),
    ],
  },
  {
    title: "a variable of a message's field",
    method: "Nested",
    exchanges: [
      gets("GET /v2/publishers/p/books/1", { book: { name: "publishers/p/books/1" } }),
      gets("GET /v2/publishers/p/books/1?book.title=T&loud=true", {
        book: { name: "publishers/p/books/1", title: "T" },
        loud: true,
      }),
    ],
  },
  {
    title: "the rest of a path, which may be empty",
    method: "Rest",
    exchanges: [
      gets("GET /files/a/b%20c/", { name: "a/b c/" }),
      gets("GET /files/", {}),
      gets("GET /files/a:b", { name: "a:b" }),
      refuses("GET /files", 404, "UNKNOWN_PATH"),
    ],
  },
  {
    title: "elements without a name",
    method: "Unnamed",
    exchanges: [gets("GET /any/x/y/z", {}), refuses("GET /any//y", 404, "UNKNOWN_PATH")],
  },
  {
    title: "a verb: what stands behind the last colon, if the path has such a rule",
    method: "Verb",
    exchanges: [
      gets("POST /books/1:lend", { name: "1" }),
      gets("POST /books/urn:isbn:1:lend", { name: "urn:isbn:1" }),
      notAllowed("GET /books/1:lend", "OPTIONS, POST"),
      notAllowed("POST /books/1:give", "GET, HEAD, OPTIONS"),
    ],
  },
];

const METHODS: readonly Form[] = [
  {
    title: "`get`, with `HEAD` and `OPTIONS`",
    method: "Variable",
    exchanges: [
      gets("HEAD /books/1", { name: "1" }),
      options("OPTIONS /books/1", "GET, HEAD, OPTIONS"),
      notAllowed("PUT /books/1", "GET, HEAD, OPTIONS"),
      refuses("OPTIONS /nowhere", 404, "UNKNOWN_PATH"),
    ],
  },
  {
    title: "`put`",
    method: "Put",
    exchanges: [
      gets("PUT /methods/1", { name: "1" }),
      notAllowed("GET /methods/1", "DELETE, OPTIONS, PATCH, POST, PUT, REPORT"),
    ],
  },
  { title: "`post`", method: "Post", exchanges: [gets("POST /methods/1", { name: "1" })] },
  { title: "`patch`", method: "Patch", exchanges: [gets("PATCH /methods/1", { name: "1" })] },
  { title: "`delete`", method: "Delete", exchanges: [gets("DELETE /methods/1", { name: "1" })] },
  {
    title: "`custom`: any method of HTTP that has a path, in capitals",
    method: "OwnMethod",
    exchanges: [gets("REPORT /methods/1", { name: "1" })],
  },
  {
    title: "`custom` with a method of its own where `get` is not wanted",
    method: "OwnHead",
    exchanges: [gets("HEAD /heads/1", { name: "1" }), notAllowed("GET /heads/1", "HEAD, OPTIONS")],
  },
  {
    title: "`custom` with `*`: every method, those above go before it",
    method: "AnyMethod",
    exchanges: [
      gets("GET /whatever/1", { name: "1" }),
      gets("OPTIONS /whatever/1", { name: "1" }),
      gets("SEARCH /whatever/1", { name: "1" }),
    ],
  },
  {
    title: "no rule: `POST` to gRPC's path, the message as the body",
    method: "NoRule",
    exchanges: [
      gets("POST /perdure.rules.Rules/NoRule", { name: "1" }, '{"name":"1"}'),
      notAllowed("GET /perdure.rules.Rules/NoRule", "OPTIONS, POST"),
    ],
  },
  {
    title: "`additional_bindings`, each a rule of its own",
    method: "Additional",
    exchanges: [
      gets("GET /first/1", { name: "1" }),
      gets("GET /second/1/2", { name: "1", pages: "2" }),
      gets("POST /third", { name: "1" }, '{"name":"1"}'),
      // A method with a rule is not also reachable at gRPC's path.
      refuses("POST /perdure.rules.Rules/Additional", 404, "UNKNOWN_PATH", "{}"),
    ],
  },
  {
    title: "`selector`: the method's own name",
    method: "Selected",
    exchanges: [gets("GET /selected", {})],
  },
];

const BODIES: readonly Form[] = [
  {
    title: "no `body`: fields come from the path and the query, a body is dropped",
    method: "NoBody",
    exchanges: [
      gets("POST /no-body/1?title=T", { name: "1", title: "T" }),
      gets("POST /no-body/1", { name: "1" }, "<x/>", "text/xml"),
    ],
  },
  {
    title: "`*`: the message, over which the path goes; the query is not looked at",
    method: "WholeBody",
    exchanges: [
      gets("POST /body/1", { name: "1", title: "T" }, '{"name":"2","title":"T"}'),
      gets("POST /body/1?title=Q", { name: "1" }, "{}"),
      gets("POST /body/1", { name: "1" }),
      gets("POST /body/1", { name: "1" }, "{}", "application/json; charset=utf8;"),
      {
        line: "POST /body/1",
        body: "title=T",
        contentType: "application/x-www-form-urlencoded",
        outcome: { kind: "refused", status: 415, code: "UNSUPPORTED_CONTENT_TYPE" },
      },
      refuses("POST /body/1", 400, "MALFORMED_JSON", "{"),
      refuses("POST /body/1", 400, "UNKNOWN_JSON_FIELD", '{"titel":"T"}'),
    ],
  },
  {
    title: "the same of `delete`",
    method: "DeleteBody",
    exchanges: [
      gets("DELETE /body/1", { name: "1" }),
      gets("DELETE /body/1", { name: "1", title: "T" }, '{"title":"T"}'),
    ],
  },
  {
    title: "a message field; the path may set a field in it, the query sets the others",
    method: "MessageBody",
    exchanges: [
      gets(
        "PATCH /body/1?loud=true",
        { book: { name: "1", title: "T" }, loud: true },
        '{"title":"T","name":"2"}',
      ),
      gets("PATCH /body/1", { book: { name: "1" } }),
      refuses("PATCH /body/1?book.title=Q", 400, "UNKNOWN_QUERY_PARAMETER", "{}"),
    ],
  },
  {
    title: "a list",
    method: "ListBody",
    exchanges: [
      gets("PUT /body/1/tags", { name: "1", tags: ["a", "b"] }, '["a","b"]'),
      gets("PUT /body/1/tags", { name: "1" }),
      gets("PUT /body/1/tags?title=T", { name: "1", title: "T" }, "[]"),
      refuses("PUT /body/1/tags", 400, "WRONG_FIELD_TYPE", '"a"'),
      refuses("PUT /body/1/tags", 400, "MALFORMED_JSON", '[],"title":"T"'),
    ],
  },
  {
    title: "a map",
    method: "MapBody",
    exchanges: [
      gets("PUT /body/1/stock", { name: "1", stock: { here: 2 } }, '{"here":2}'),
      refuses("PUT /body/1/stock", 400, "WRONG_FIELD_TYPE", '{"here":"many"}'),
      refuses("PUT /body/1/stock", 400, "MALFORMED_JSON", '{"here":1,"here":2}'),
    ],
  },
  {
    title: "a text",
    method: "TextBody",
    exchanges: [
      gets("PUT /body/1/title", { name: "1", title: "T" }, '"T"'),
      refuses("PUT /body/1/title", 400, "MALFORMED_JSON", "T"),
    ],
  },
  {
    title: "bytes, in base64",
    method: "BytesBody",
    exchanges: [
      gets("PUT /body/1/cover", { name: "1", cover: "+/8=" }, '"+/8="'),
      refuses("PUT /body/1/cover", 400, "WRONG_FIELD_TYPE", '"!"'),
    ],
  },
  {
    title: "a number",
    method: "NumberBody",
    exchanges: [
      gets("PUT /body/1/pages", { name: "1", pages: "12" }, "12"),
      gets("PUT /body/1/pages", { name: "1", pages: "12" }, '"12"'),
      refuses("PUT /body/1/pages", 400, "WRONG_FIELD_TYPE", "1.5"),
    ],
  },
  {
    title: "an enum",
    method: "EnumBody",
    exchanges: [
      gets("PUT /body/1/genre", { name: "1", genre: "POETRY" }, '"POETRY"'),
      refuses("PUT /body/1/genre", 400, "WRONG_FIELD_TYPE", '"poetry"'),
    ],
  },
  {
    title: "a message that JSON has as a text",
    method: "TimestampBody",
    exchanges: [
      gets("PUT /body/1/printed", { name: "1", printed: "2020-01-02T03:04:05Z" }, '"2020-01-02T03:04:05Z"'),
    ],
  },
  {
    title: "a `google.api.HttpBody` in a field: whatever it is",
    method: "HttpBodyField",
    exchanges: [
      gets(
        "PUT /body/1/file?loud=true",
        { book: { name: "1" }, loud: true, file: { contentType: "text/plain", data: "aGk=" } },
        "hi",
        "text/plain",
      ),
    ],
  },
  {
    title: "a `google.api.HttpBody` as the message",
    method: "HttpBodyWhole",
    exchanges: [gets("POST /upload", { contentType: "image/png", data: "aGk=" }, "hi", "image/png")],
  },
];

const QUERIES: readonly Form[] = [
  {
    title:
      "fields that neither the path nor the body sets, by their name or JSON name, inside messages by a dotted path",
    method: "Query",
    exchanges: [
      gets("GET /search?loud=true", { loud: true }),
      gets("GET /search?book.title=a+b%26c", { book: { title: "a b&c" } }),
      gets("GET /search?book.author.born=1800&book.author.name=A", {
        book: { author: { born: 1800, name: "A" } },
      }),
      gets("GET /search?book.tags=a&book.tags=b", { book: { tags: ["a", "b"] } }),
      gets("GET /search?book.genre=NOVEL", { book: { genre: "NOVEL" } }),
      gets("GET /search?book.pages=12", { book: { pages: "12" } }),
      gets("GET /search?book.cover=-_8", { book: { cover: "+/8=" } }),
      gets("GET /search?book.printed=2020-01-02T03:04:05Z", { book: { printed: "2020-01-02T03:04:05Z" } }),
      gets("GET /search?book.note=n", { book: { note: "n" } }),
      refuses("GET /search?book=1", 400, "WRONG_PARAMETER_TYPE"),
      refuses("GET /search?book.stock=1", 400, "WRONG_PARAMETER_TYPE"),
      refuses("GET /search?book.pages=many", 400, "WRONG_PARAMETER_TYPE"),
      refuses("GET /search?loud=true&loud=true", 400, "REPEATED_QUERY_PARAMETER"),
      refuses("GET /search?quiet=true", 400, "UNKNOWN_QUERY_PARAMETER"),
      refuses("GET /search?loud=%ff", 400, "MALFORMED_QUERY"),
    ],
  },
];

const ANSWERS: readonly Form[] = [
  {
    title: "no `response_body`: the message, with the defaults of fields without presence",
    method: "NoBody",
    exchanges: [
      answers(
        "POST /no-body/1",
        { name: "1", author: { name: "A" } },
        '{"name":"1","title":"","genre":"GENRE_UNSPECIFIED","pages":"0","cover":"","tags":[],"stock":{},' +
          '"author":{"name":"A","born":0}}',
      ),
    ],
  },
  {
    title: "`response_body`: one field, of any kind",
    method: "ListAnswer",
    exchanges: [
      answers("GET /answers/tags", { tags: ["a", "b"] }, '["a","b"]'),
      answers("GET /answers/tags", {}, "[]"),
      answers("GET /answers/stock", { stock: { here: 2 } }, '{"here":2}'),
      answers("GET /answers/author", { author: { name: "A", born: 1800 } }, '{"name":"A","born":1800}'),
      answers("GET /answers/author", {}, '{"name":"","born":0}'),
      answers("GET /answers/title", { title: "T" }, '"T"'),
      answers("GET /answers/pages", { pages: "9007199254740993" }, '"9007199254740993"'),
      answers("GET /answers/genre", { genre: "NOVEL" }, '"NOVEL"'),
      answers("GET /answers/printed", { printed: "2020-01-02T03:04:05Z" }, '"2020-01-02T03:04:05Z"'),
      answers("GET /answers/printed", {}, "null"),
    ],
  },
  {
    title: "a `google.api.HttpBody`, in a field or as the message: its bytes",
    method: "FileAnswer",
    exchanges: [
      answers("GET /answers/file", { file: { contentType: "text/plain", data: "aGk=" } }, "hi", "text/plain"),
    ],
  },
];

/** All forms, by the part of a rule that they show. */
export const FORMS: Readonly<Record<string, readonly Form[]>> = {
  Paths: PATHS,
  "Methods and bindings": METHODS,
  Bodies: BODIES,
  Queries: QUERIES,
  Answers: ANSWERS,
};

/** Why each rule of the service `Refused` is refused. */
export const REASONS: Readonly<Record<string, string>> = {
  NoPattern: "it names no HTTP method and path",
  NoSlash: 'path "books": must start with /, at character 1',
  SlashAtTheEnd: 'path "/books/": expected a literal, *, ** or {field}, at character 8',
  RestInTheMiddle: 'path "/**/books": ** must be the last segment',
  VariableInVariable: 'path "/{name={title}}": variables cannot be nested, at character 8',
  VariableTwice: 'path "/{name}/{name}": variable name occurs twice, at character 14',
  UnknownVariable: 'path "/{nothing}": perdure.rules.Book has no field nothing',
  MessageInPath:
    'path "/{author}": field author is a perdure.rules.Author; only a single scalar or enum may stand in a path',
  TimestampInPath:
    'path "/{printed}": field printed is a google.protobuf.Timestamp; only a single scalar or enum may stand in a path',
  ListInPath: 'path "/{tags}": field tags is repeated; only a single scalar or enum may stand in a path',
  MapInPath: 'path "/{stock}": field stock is of kind map; only a single scalar or enum may stand in a path',
  ThroughText: 'path "/{title.text}": field title is of kind scalar; only a single message has fields',
  LowerCase: 'custom kind must be * or the name of an HTTP method with a path, as HEAD, not "head"',
  Tunnel: 'custom kind must be * or the name of an HTTP method with a path, as HEAD, not "CONNECT"',
  BodyOfGet: 'body "*" is not possible, since GET has no body',
  UnknownBody: "body: perdure.rules.Book has no field nothing",
  NestedBody: "body: perdure.rules.Book has no field author.name",
  NestedAnswer: "response_body: perdure.rules.Book has no field author.name",
  AdditionalInside: "additional_bindings inside additional_bindings are not allowed",
  OtherSelector:
    "selector must be empty or perdure.rules.Refused.OtherSelector, not perdure.rules.Rules.Literal",
};
