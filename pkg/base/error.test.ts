// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { AssertionFailure, assert, unreachable } from "./assert.ts";
import { CodedError, describeError, toError } from "./error.ts";

class PumpError extends CodedError<"LEAK" | "DRY"> {}

test("a coded error keeps its class's name, its code and its cause", (t) => {
  const cause = new Error("valve");
  const error = new PumpError("LEAK", "the pump leaks", { cause });
  t.true(error instanceof Error);
  t.like(error, { name: "PumpError", code: "LEAK", message: "the pump leaks", cause });
  t.is(String(error), "PumpError: the pump leaks");
});

test("anything that was thrown becomes an error", (t) => {
  const error = new Error("x");
  t.is(toError(error), error);
  t.is(toError("a text").message, "a text");
  t.is(toError({ code: 7 }).message, "{ code: 7 }");
  t.is(toError(undefined).message, "undefined");
  t.is(toError(Object.create(null)).message, "[Object: null prototype] {}");
});

test("a description names the causes, outermost first", (t) => {
  const error = new Error("cannot start", { cause: new Error("port in use", { cause: "EADDRINUSE" }) });
  t.is(describeError(error), "cannot start: port in use: EADDRINUSE");
  t.is(describeError(new TypeError()), "TypeError", "an error without a text gives its name");
  t.is(describeError(new Error("no cause", { cause: null })), "no cause");
  t.is(describeError(undefined), "undefined");
});

test("a ring of causes comes to an end", (t) => {
  const error = new Error("round");
  error.cause = error;
  t.is(describeError(error), Array.from({ length: 8 }, () => "round").join(": "));
});

test("an assertion that holds is silent, one that does not names its claim", (t) => {
  t.notThrows(() => assert(true, "one is one"));
  t.throws(() => assert(false, "one is two"), {
    instanceOf: AssertionFailure,
    message: "must hold: one is two",
  });
});

test("a branch that cannot be reached says what reached it", (t) => {
  t.throws(() => unreachable({ kind: "late", at: 1n } as never), {
    instanceOf: AssertionFailure,
    message: "unreachable: { kind: 'late', at: 1n }",
  });
});
