// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import type { ErrorForm } from "./accepted-form.ts";
import { acceptedForm } from "./accepted-form.ts";

const HEADERS: readonly (readonly [accept: string | undefined, form: ErrorForm, who: string])[] = [
  [undefined, "text", "who says nothing, as Cloudstate's TCK"],
  ["*/*", "json", "curl, fetch, grpcurl"],
  ["application/json", "json", "who asks for JSON"],
  ["application/json, text/plain, */*", "json", "axios"],
  ["Application/JSON; charset=utf-8", "json", "in any case, with parameters"],
  ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json", "a browser's address bar"],
  ["application/*;q=0.2, text/*;q=0.1", "json", "ranges"],
  ["text/event-stream", "json", "whoever reads neither; events are JSON too"],
  ["", "json", "an empty list"],
  ["text/plain", "text", "who asks for text"],
  ["text/plain, */*", "text", "who names text, and would take anything"],
  ["text/plain;q=0.9, */*;q=0.1", "text", "the same with qualities"],
  ["text/*", "text", "any text"],
  ["application/json;q=0.5, text/plain", "text", "who likes text better"],
  ["application/json;q=0, */*", "text", "who does not want JSON"],
  ["text/plain;q=0, */*", "json", "who does not want text"],
  ["text/plain;q=0", "json", "who only says what it does not want"],
  ["text/plain;q=2, application/json;q=0.9", "text", "a quality that is none counts as 1"],
];

for (const [accept, form, who] of HEADERS) {
  test(`${accept ?? "no header"}: ${form} (${who})`, (t) => {
    t.is(acceptedForm(accept), form);
  });
}

test("I12: no header makes it throw", (t) => {
  fc.assert(
    fc.property(fc.stringMatching(/^[*/;,=q01. a-z-]{0,60}$/), (accept) => {
      t.true(["text", "json"].includes(acceptedForm(accept)));
    }),
  );
});
