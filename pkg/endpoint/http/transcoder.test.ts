// SPDX-License-Identifier: Apache-2.0

import type { JsonValue } from "@bufbuild/protobuf";
import { fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import type { ExecutionContext } from "ava";
import test from "ava";

import { systemClock } from "../../base/mod.ts";
import { NO_METADATA } from "../../protocol/mod.ts";
import type { Command, Dispatch } from "../../router/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";

import { JsonCodecs } from "../json/json-codec.ts";
import { DEFAULT_ENDPOINT_OPTIONS } from "../options.ts";
import type { RequestParts } from "../testdata/in-memory-request.ts";
import { inMemoryRequest } from "../testdata/in-memory-request.ts";
import { librarySpec } from "../testdata/library-spec.ts";
import { dispatchOf } from "../testdata/running-endpoint.ts";
import type { HttpAnswer, HttpRequest, HttpResponse } from "./exchange.ts";
import type { HttpErrorCode } from "./http-error.ts";
import { HttpError } from "./http-error.ts";
import { createTranscoder } from "./transcoder.ts";
import { nothingServed } from "./unmatched.ts";

const spec = librarySpec();
const { registry } = spec.descriptors;

function transcoderTo(unary: Dispatch["unary"]): (request: HttpRequest) => Promise<HttpAnswer> {
  const context = {
    dispatch: dispatchOf(unary),
    maxRequestBytes: 1e6,
    maxRequestFields: 1_000,
    maxIdempotencyKeyLength: 256,
    streamKeepAliveMs: 30_000,
    clock: systemClock,
    telemetry: NO_TELEMETRY,
  };
  const codecs = new JsonCodecs(spec.descriptors, DEFAULT_ENDPOINT_OPTIONS, systemClock, NO_TELEMETRY);
  const transcode = createTranscoder(spec, codecs, context);
  return async (request) => (await transcode(request)) ?? nothingServed(request);
}

/** Sends a request; the user function answers with `reply`, or with the input's bytes. */
async function send(line: string, parts: RequestParts = {}, reply?: JsonValue) {
  let command: Command | undefined;
  const transcode = transcoderTo(async (dispatched) => {
    command = dispatched;
    if (reply === undefined) return { payload: dispatched.payload, metadata: NO_METADATA };
    const { output } = dispatched.method.desc;
    return { payload: toBinary(output, fromJson(output, reply, { registry })), metadata: NO_METADATA };
  });
  const response = whole(await transcode(inMemoryRequest(line, parts)));
  const input =
    command &&
    toJson(command.method.desc.input, fromBinary(command.method.desc.input, command.payload), { registry });
  return { response, method: command?.method.desc.name, input, deadlineMs: command?.call.deadlineMs };
}

function whole(answer: HttpAnswer): HttpResponse {
  if ("pieces" in answer) throw new Error("the answer comes in pieces");
  return answer;
}

async function refused(
  t: ExecutionContext,
  code: HttpErrorCode,
  text: RegExp,
  line: string,
  parts?: RequestParts,
) {
  const error = await t.throwsAsync(send(line, parts), { instanceOf: HttpError });
  t.is(error?.code, code, error?.message);
  t.regex(error?.message ?? "", text);
}

// Path and query

const understood: readonly (readonly [line: string, method: string, input: JsonValue])[] = [
  ["GET /books/1", "GetBook", { isbn: "1" }],
  ["GET /books/1?", "GetBook", { isbn: "1" }],
  ["GET http://example.org:9000/books/1?", "GetBook", { isbn: "1" }],
  ["GET /books/a%2Fb%20%C3%A4+c", "GetBook", { isbn: "a/b ä+c" }],
  ["GET /books/1?isbn=2", "GetBook", { isbn: "1" }],
  ["POST /books/1:lend?days=14", "LendBook", { isbn: "1", days: 14 }],
  ["GET /files/a/b%20c/", "GetFile", { path: "a/b c/" }],
  ["GET /files/a%2fb/%63", "GetFile", { path: "a%2fb/c" }],
  ["GET /books/urn:isbn:1", "GetBook", { isbn: "urn:isbn:1" }],
  ["GET /books/fe80::1", "GetBook", { isbn: "fe80::1" }],
  ["GET /books/example.com:p", "GetBook", { isbn: "example.com:p" }],
  ["GET /books/1%3Alend", "GetBook", { isbn: "1:lend" }],
  ["POST /books/urn:isbn:1:lend", "LendBook", { isbn: "urn:isbn:1" }],
  ["HEAD /books/1", "GetBook", { isbn: "1" }],
  ["DELETE /anything/shelf/7/end", "Anything", { isbn: "shelf/7" }],
  ["HEAD /anything/shelf/7/end", "Anything", { isbn: "shelf/7" }],
];

for (const [line, method, input] of understood) {
  test(`${line} calls ${method} with ${JSON.stringify(input)}`, async (t) => {
    const sent = await send(line, {}, {});
    t.is(sent.method, method);
    t.deepEqual(sent.input, input);
    t.is(sent.deadlineMs, undefined);
  });
}

const queries: readonly (readonly [query: string, input: Readonly<Record<string, JsonValue>>])[] = [
  ["tag=a&tag=b+c&tag=", { tag: ["a", "b c", ""] }],
  ["tag", { tag: [""] }],
  ["tag=a%3Db=c", { tag: ["a=b=c"] }],
  ["&&lent=true&", { lent: true }],
  ["lent=false", {}],
  ["year=1900&year=-3", { year: [1900, -3] }],
  ["genre=POETRY", { genre: "POETRY" }],
  ["genre=2", { genre: "POETRY" }],
  ["genre=77", { genre: 77 }],
  ["not_genre=NOVEL&notGenre=2", { notGenre: ["NOVEL", "POETRY"] }],
  ["page.size=10", { page: { size: 10 } }],
  ["page.cursor.token=t&page.size=1", { page: { size: 1, cursor: { token: "t" } } }],
  ["page.cursor.next.cursor.token=deep", { page: { cursor: { next: { cursor: { token: "deep" } } } } }],
  ["rating=4.5", { rating: 4.5 }],
  ["rating=-1e3", { rating: -1000 }],
  ["rating=NaN", { rating: "NaN" }],
  ["min_copies=18446744073709551615", { minCopies: "18446744073709551615" }],
  ["minCopies=1", { minCopies: "1" }],
  ["cover=AQI%3D", { cover: "AQI=" }],
  ["cover=-_8", { cover: "+/8=" }],
  ["bought_after=2020-01-02T03:04:05Z", { boughtAfter: "2020-01-02T03:04:05Z" }],
  ["publisher=", { publisher: "" }],
  ["pages=12", { pages: "12" }],
  ["by_year=true", { byYear: true }],
  ["shelf=other", {}],
];

for (const [query, input] of queries) {
  test(`query ${query} sets ${JSON.stringify(input)}`, async (t) => {
    const sent = await send(`GET /shelves/s/search?${query}`);
    t.deepEqual(sent.input, { shelf: "s", ...input });
  });
}

const wrongQueries: readonly (readonly [query: string, code: HttpErrorCode, text: RegExp])[] = [
  ["nothing=1", "UNKNOWN_QUERY_PARAMETER", /"nothing" names no field of perdure.test.library.SearchRequest/],
  ["page.nothing=1", "UNKNOWN_QUERY_PARAMETER", /"page.nothing"/],
  ["tag.x=1", "UNKNOWN_QUERY_PARAMETER", /"tag.x"/],
  ["pages_seen.size=1", "UNKNOWN_QUERY_PARAMETER", /"pages_seen.size"/],
  ["bought_after.seconds=1", "UNKNOWN_QUERY_PARAMETER", /"bought_after.seconds"/],
  ["extra.x=1", "UNKNOWN_QUERY_PARAMETER", /"extra.x"/],
  [".=1", "UNKNOWN_QUERY_PARAMETER", /"."/],
  ["constructor=1", "UNKNOWN_QUERY_PARAMETER", /"constructor"/],
  ["__proto__.x=1", "UNKNOWN_QUERY_PARAMETER", /"__proto__.x"/],
  [`${"page.cursor.next.".repeat(60)}x=1`, "UNKNOWN_QUERY_PARAMETER", /…" names no field/],
  ["lent=true&lent=false", "REPEATED_QUERY_PARAMETER", /"lent" is given twice/],
  ["page.size=1&page.size=2", "REPEATED_QUERY_PARAMETER", /"page.size" is given twice/],
  ["page=1", "WRONG_PARAMETER_TYPE", /"page" is a message \(perdure.test.library.Page\); set its fields/],
  ["extra=1", "WRONG_PARAMETER_TYPE", /"extra" is a message \(google.protobuf.Struct\); only a body/],
  ["labels=1", "WRONG_PARAMETER_TYPE", /"labels" is a map/],
  // Digits that could be matched in two ways would take a minute.
  [`rating=${"1".repeat(500_000)}x`, "WRONG_PARAMETER_TYPE", /"rating" must be a number/],
  ["lent=yes", "WRONG_PARAMETER_TYPE", /"lent" must be true or false, not "yes"/],
  ["year=1.5", "WRONG_PARAMETER_TYPE", /"year" must be a whole number, not "1.5"/],
  ["year=", "WRONG_PARAMETER_TYPE", /whole number/],
  ["year=0x10", "WRONG_PARAMETER_TYPE", /whole number/],
  ["year=3000000000", "WRONG_PARAMETER_TYPE", /"year" must be a whole number that fits, not "3000000000"/],
  ["min_copies=-1", "WRONG_PARAMETER_TYPE", /SearchRequest.min_copies/],
  ["rating=much", "WRONG_PARAMETER_TYPE", /"rating" must be a number/],
  ["rating=", "WRONG_PARAMETER_TYPE", /"rating" must be a number/],
  ["genre=NONE", "WRONG_PARAMETER_TYPE", /Genre/],
  ["bought_after=yesterday", "WRONG_PARAMETER_TYPE", /"bought_after" must be a date and time/],
  ["cover=%21", "WRONG_PARAMETER_TYPE", /"cover" must be base64, not "!"/],
  ["by_title=true&by_year=true", "WRONG_PARAMETER_TYPE", /oneof/],
  ["tag=%zz", "MALFORMED_QUERY", /percent-encoding/],
  ["tag=%ff", "MALFORMED_QUERY", /UTF-8/],
];

for (const [query, code, text] of wrongQueries) {
  test(`query ${query.slice(0, 60)} is ${code}`, (t) =>
    refused(t, code, text, `GET /shelves/s/search?${query}`));
}

test("a broken path value is refused", async (t) => {
  await refused(t, "MALFORMED_PATH", /percent-encoding/, "GET /books/%zz");
  await refused(t, "MALFORMED_PATH", /UTF-8/, "GET /files/a/%c3%28");
});

const unknownPaths = [
  "GET /",
  "GET *",
  "GET x",
  "OPTIONS x",
  "OPTIONS /nowhere",
  "GET /books/1/",
  "GET //books/1",
  "GET /books",
];

for (const line of unknownPaths) {
  test(`${line} is nobody's`, (t) => refused(t, "UNKNOWN_PATH", /nothing is served under/, line));
}

const otherMethods: readonly (readonly [line: string, allow: string])[] = [
  ["POST /books/1", "GET, HEAD, OPTIONS, PUT"],
  ["REPORT /books/1", "GET, HEAD, OPTIONS, PUT"],
  ["GET /books/1:lend", "OPTIONS, POST"],
  ["GET /perdure.test.library.Plain/Echo", "OPTIONS, POST"],
  ["HEAD /talks", "OPTIONS, POST"],
  ["CONNECT /books/1", ""],
];

for (const [line, allow] of otherMethods) {
  test(`${line} is METHOD_NOT_ALLOWED, and allowed are ${allow || "none"}`, async (t) => {
    const error = await t.throwsAsync(send(line), { instanceOf: HttpError });
    t.is(error?.code, "METHOD_NOT_ALLOWED");
    t.deepEqual(error?.headers, ["allow", allow]);
  });
}

for (const [path, allow] of [
  ["/books/1", "GET, HEAD, OPTIONS, PUT"],
  ["/books/1?x=y", "GET, HEAD, OPTIONS, PUT"],
  ["/books/1:lend", "OPTIONS, POST"],
  ["*", "OPTIONS"],
] as const) {
  test(`OPTIONS ${path} is answered without the user function: ${allow}`, async (t) => {
    const { response, method } = await send(`OPTIONS ${path}`);
    t.is(method, undefined);
    t.like(response, { status: 200, body: "", headers: ["allow", allow] });
  });
}

// Bodies

test("without a body the message is empty, but for what the path says, whatever the content type", async (t) => {
  for (const contentType of [undefined, "application/json", "text/plain"]) {
    t.deepEqual((await send("PUT /books/1", { contentType })).input, { isbn: "1" });
    t.deepEqual((await send("PUT /books/1", { body: "", contentType })).input, { isbn: "1" });
  }
  t.deepEqual((await send("PATCH /books/1/author?notify=true", {}, {})).input, { isbn: "1", notify: true });
});

test("a query cannot set what the body is", async (t) => {
  const parts = { body: "{}" };
  const line = "PATCH /books/1/author?author.born=1";
  await refused(t, "UNKNOWN_QUERY_PARAMETER", /field author is the body/, line, parts);
});

test("a body is the input message, with the path's values over it", async (t) => {
  const sent = await send("PUT /books/1", { body: '{"title":"T","isbn":"2","author":{"full_name":"A"}}' });
  t.deepEqual(sent.input, { isbn: "1", title: "T", author: { fullName: "A" } });
});

test("a body can be one field, with the query for the others", async (t) => {
  const body = '{"fullName":"A","born":"1800"}';
  const sent = await send("PATCH /books/1/author?notify=true", { body }, {});
  t.deepEqual(sent.input, { isbn: "1", notify: true, author: { fullName: "A", born: "1800" } });
});

test("without a body rule the body is dropped, whatever it is", async (t) => {
  const sent = await send("POST /books/1:lend", { body: "<x/>", contentType: "text/xml" }, {});
  t.deepEqual(sent.input, { isbn: "1" });
});

for (const contentType of [
  "application/json",
  "application/json; charset=utf-8",
  'Application/JSON;charset="UTF-8"',
  "application/json;charset=utf8",
  "application/json; charset=US-ASCII",
  "application/json;",
  "application/json ;",
  "application/json; x=y; charset=utf-8",
  "application/json; version=1",
]) {
  test(`a body may be ${contentType}`, async (t) => {
    t.is((await send("PUT /books/1", { body: "{}", contentType })).response.status, 200);
  });
}

const otherTypes = [
  undefined,
  "",
  "text/json",
  "application/json; charset=latin1",
  "application/json; charset=utf-16; x=y",
  'application/json; charset="iso-8859-1"',
  "application/jsonp",
  "application/json,text/json",
];

for (const contentType of otherTypes) {
  test(`a body may not be ${contentType ?? "without a type"}`, (t) =>
    refused(t, "UNSUPPORTED_CONTENT_TYPE", /must be application\/json/, "PUT /books/1", {
      body: "{}",
      contentType,
    }));
}

const wrongBodies: readonly (readonly [body: string | Buffer, code: HttpErrorCode, text: RegExp])[] = [
  [" ", "MALFORMED_JSON", /JSON/],
  ["{", "MALFORMED_JSON", /JSON/],
  ["{}{}", "MALFORMED_JSON", /JSON/],
  ['{"title":"a","title":"b"}', "MALFORMED_JSON", /duplicate object key "title"/],
  [Buffer.from([0x22, 0xff, 0x22]), "MALFORMED_JSON", /UTF-8/],
  ["null", "WRONG_FIELD_TYPE", /perdure.test.library.Book/],
  ["[]", "WRONG_FIELD_TYPE", /perdure.test.library.Book/],
  ['{"nothing":1}', "UNKNOWN_JSON_FIELD", /"nothing" is unknown/],
  ['{"author":{"nothing\\n":1}}', "UNKNOWN_JSON_FIELD", /perdure.test.library.Author/],
  ['{"title":1}', "WRONG_FIELD_TYPE", /perdure.test.library.Book.title/],
  ['{"copies":"many"}', "WRONG_FIELD_TYPE", /perdure.test.library.Book.copies/],
  ['{"copies":9223372036854775808}', "WRONG_FIELD_TYPE", /perdure.test.library.Book.copies/],
  ['{"tags":"a"}', "WRONG_FIELD_TYPE", /perdure.test.library.Book.tags/],
  ['{"author":{"born":1.5}}', "WRONG_FIELD_TYPE", /perdure.test.library.Author.born/],
];

for (const [body, code, text] of wrongBodies) {
  test(`body ${JSON.stringify(body.toString())} is ${code}`, (t) =>
    refused(t, code, text, "PUT /books/1", { body }));
}

for (const [depth, code, text] of [
  [150, "JSON_TOO_DEEP", /more than 100 messages/],
  [197, "JSON_TOO_DEEP", /more than 100 messages/],
  [198, "JSON_TOO_DEEP", /more than 200 levels/],
] as const) {
  test(`${depth} lists in a Struct in an Any in a message are refused with ${code}`, async (t) => {
    const lists = "[".repeat(depth) + "]".repeat(depth);
    const body = `{"any":{"@type":"type.googleapis.com/google.protobuf.Struct","value":{"a":${lists}}}}`;
    await refused(t, code, text, "POST /perdure.test.library.Plain/Echo", { body });
  });
}

test("an error text does not repeat megabytes of input", async (t) => {
  const long = "x".repeat(2 ** 20);
  for (const body of [`{"copies":"${long}"}`, `{"${long}":1}`, `{"author":{"${long}":1,"${long}":1}}`]) {
    const error = await t.throwsAsync(send("PUT /books/1", { body }), { instanceOf: HttpError });
    t.true((error?.message.length ?? 0) < 1_000);
  }
});

// Replies

const everything = "POST /perdure.test.library.Plain/Echo";

test("defaults are written, 64-bit integers as text, names in camel case, nothing between", async (t) => {
  const { response } = await send(everything, {
    body: '{"key":"k","large":"-5","huge":7,"author":{"full_name":"A"}}',
  });
  t.deepEqual(response, {
    status: 200,
    contentType: "application/json",
    errorCode: undefined,
    body:
      '{"key":"k","flag":false,"small":0,"large":"-5","huge":"7","single":0,"real":0,"blob":"",' +
      '"genre":"GENRE_UNSPECIFIED","numbers":[],"counts":{},"author":{"fullName":"A","born":"0"}}',
  });
});

test("what is set is written as protobuf JSON has it", async (t) => {
  const message = {
    key: "k",
    flag: true,
    small: 1,
    large: "2",
    huge: "3",
    single: 0.5,
    real: "Infinity",
    blob: "AQI=",
    genre: "POETRY",
    numbers: ["1", "2"],
    counts: { a: 1 },
    at: "2020-01-02T03:04:05.678Z",
    note: "n",
    any: { "@type": "type.googleapis.com/perdure.test.library.Author", fullName: "A", born: "0" },
    maybe: "",
  };
  const { response } = await send(everything, { body: JSON.stringify(message) });
  t.deepEqual(JSON.parse(String(response.body)), message);
});

test("an empty reply is {}", async (t) => {
  t.is((await send("POST /books/1:lend", {}, {})).response.body, "{}");
});

const book = {
  isbn: "1",
  tags: ["a", "b"],
  copies: "9007199254740993",
  author: { fullName: "A", born: "-1" },
};
const responseBodies: readonly (readonly [path: string, reply: JsonValue, body: string])[] = [
  ["tags", book, '["a","b"]'],
  ["tags", {}, "[]"],
  ["copies", book, '"9007199254740993"'],
  ["copies", {}, '"0"'],
  ["author", book, '{"fullName":"A","born":"-1"}'],
  ["author", {}, '{"fullName":"","born":"0"}'],
];

for (const [path, reply, body] of responseBodies) {
  test(`response_body ${path} of ${JSON.stringify(reply)} is ${body}`, async (t) => {
    t.is((await send(`GET /books/1/${path}`, {}, reply)).response.body, body);
  });
}

test("an HttpBody goes out as it is, with its own content type", async (t) => {
  const { response } = await send("GET /files/a", {}, { contentType: "image/png", data: "AQI=" });
  t.is(response.contentType, "image/png");
  t.deepEqual(response.body, new Uint8Array([1, 2]));
  const plain = await send("GET /files/a", {}, { contentType: "a\r\nset-cookie: x", data: "" });
  t.is(plain.response.contentType, "application/octet-stream");
});

test("a body goes in as an HttpBody as it is, with any content type or none", async (t) => {
  const png = await send("POST /uploads", { body: Buffer.from([1, 255]), contentType: "image/png" });
  t.deepEqual(png.input, { contentType: "image/png", data: "Af8=" });
  t.is(png.response.contentType, "image/png");
  t.deepEqual(Buffer.from(png.response.body), Buffer.from([1, 255]));
  const nothing = await send("POST /uploads", { contentType: undefined });
  t.deepEqual(nothing.input, {});
});

test("a field may be an HttpBody, in the request and in the answer", async (t) => {
  const parts = { body: "hi", contentType: "text/plain" };
  const file = { contentType: "text/plain", data: "aGk=" };
  const json = await send("PUT /attachments/a?keep=true", parts);
  t.deepEqual(json.input, { name: "a", file, keep: true });
  t.is(json.response.contentType, "application/json");
  t.is(
    json.response.body,
    `{"name":"a","file":{"contentType":"text/plain","data":"aGk=","extensions":[]},"keep":true}`,
  );
  const bytes = await send("PUT /attachments/a/file", parts);
  t.is(bytes.response.contentType, "text/plain");
  t.deepEqual(Buffer.from(bytes.response.body), Buffer.from("hi"));
  const unset = await send("PUT /attachments/a/file", parts, { name: "a" });
  t.deepEqual(unset.response.body, new Uint8Array(0));
});

test("a reply that is not the output message is MALFORMED_REPLY", async (t) => {
  const transcode = transcoderTo(async () => ({
    payload: new Uint8Array([0x0a, 0xff]),
    metadata: NO_METADATA,
  }));
  for (const line of ["GET /books/1", "GET /files/a"]) {
    const error = await t.throwsAsync(transcode(inMemoryRequest(line)), { instanceOf: HttpError });
    t.is(error?.code, "MALFORMED_REPLY");
  }
});
