// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { cutText } from "./cut-text.ts";

test("a short text stays, a long one says how much is missing", (t) => {
  t.is(cutText("abc", 3), "abc");
  t.is(cutText("abcde", 3), "abc… (2 more characters)");
});

test("a character of two halves is not cut in two", (t) => {
  t.is(cutText("ab😀cd", 3), "ab… (4 more characters)");
  t.is(cutText("ab😀cd", 4), "ab😀… (2 more characters)");
});
