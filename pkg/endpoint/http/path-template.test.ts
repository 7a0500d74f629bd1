// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import * as fc from "fast-check";

import { pathTemplates } from "../testdata/path-templates.ts";
import type { PathTemplate } from "./path-template.ts";
import { PathTemplateError, parsePathTemplate, printPathTemplate } from "./path-template.ts";

const literal = (text: string) => ({ kind: "literal", text }) as const;
const one = { kind: "one" } as const;
const rest = { kind: "rest" } as const;

const readable: readonly (readonly [text: string, template: PathTemplate])[] = [
  ["/carts", { segments: [literal("carts")], variables: [], verb: undefined }],
  [
    "/carts/{user_id}/items",
    {
      segments: [literal("carts"), one, literal("items")],
      variables: [{ name: "user_id", start: 1, end: 2 }],
      verb: undefined,
    },
  ],
  ["/a/*/**", { segments: [literal("a"), one, rest], variables: [], verb: undefined }],
  [
    "/v1/{name=shelves/*/books/*}:lend",
    {
      segments: [literal("v1"), literal("shelves"), one, literal("books"), one],
      variables: [{ name: "name", start: 1, end: 5 }],
      verb: "lend",
    },
  ],
  [
    "/{a.b}/{c=**}",
    {
      segments: [one, rest],
      variables: [
        { name: "a.b", start: 0, end: 1 },
        { name: "c", start: 1, end: undefined },
      ],
      verb: undefined,
    },
  ],
  ["/", { segments: [literal("")], variables: [], verb: undefined }],
  ["/a:b%3Ac", { segments: [literal("a")], variables: [], verb: "b:c" }],
  ["/a%20b", { segments: [literal("a b")], variables: [], verb: undefined }],
];

for (const [text, template] of readable) {
  test(`${text} is read and printed`, (t) => {
    t.deepEqual(parsePathTemplate(text), template);
    t.is(printPathTemplate(template), text);
  });
}

const broken: readonly (readonly [text: string, problem: string])[] = [
  ["", "must start with /, at character 1"],
  ["carts", "must start with /, at character 1"],
  ["//", "expected a literal, *, ** or {field}, at character 2"],
  ["/:b", "expected a literal, *, ** or {field}, at character 2"],
  ["/a//b", "expected a literal, *, ** or {field}, at character 4"],
  ["/a/", "expected a literal, *, ** or {field}, at character 4"],
  ["/a/{", "expected a field name, at character 5"],
  ["/a/{x", "expected }, at character 6"],
  ["/a/{x=}", "expected a literal, *, ** or {field}, at character 7"],
  ["/a/{x={y}}", "variables cannot be nested, at character 7"],
  ["/{x}/{x}", "variable x occurs twice, at character 8"],
  ["/**/a", "** must be the last segment"],
  ["/{x=**}/a", "** must be the last segment"],
  ["/a:", "expected a verb, at character 4"],
  ["/a:b:c", "unexpected character, at character 5"],
  ["/a:b/c", "unexpected character, at character 5"],
  ["/a*", "unexpected character, at character 3"],
  ["/***", "unexpected character, at character 4"],
  ["/a?b=c", "unexpected character, at character 3"],
  ["/a b", "unexpected character, at character 3"],
  ["/%zz", "%zz is not valid percent-encoding, at character 5"],
];

for (const [text, problem] of broken) {
  test(`${JSON.stringify(text)} is refused: ${problem}`, (t) => {
    t.throws(() => parsePathTemplate(text), { instanceOf: PathTemplateError, message: problem });
  });
}

test("whatever is printed is read back as it was", (t) => {
  fc.assert(
    fc.property(pathTemplates, (template) => {
      t.deepEqual(parsePathTemplate(printPathTemplate(template)), template);
    }),
  );
  t.pass();
});
