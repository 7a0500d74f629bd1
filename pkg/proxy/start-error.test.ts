// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { GrpcErrorCode } from "../grpc/mod.ts";
import type { UserFunctionStatus } from "../userfunction/mod.ts";

import type { ListeningSocket } from "./listening-ports.ts";
import { startError } from "./start-error.ts";

const TARGET = { host: "127.0.0.1", port: 8_080, ownPorts: [9_000, 9_010] };
const KNATIVE = [8_012, 8_022, 9_000, 9_010].map((port) => ({ address: "0.0.0.0", port }));
const ABSENT: UserFunctionStatus = {
  kind: "connecting",
  problem: "nothing listens on 127.0.0.1:8080",
  code: "CONNECT_REFUSED",
};

const absent = (sockets: readonly ListeningSocket[], target = TARGET) =>
  startError(ABSENT, target, 45_000, sockets);

test("a user function that does not listen is told where it should, and what else does", (t) => {
  const slow = absent(KNATIVE);
  t.is(slow.code, "USER_FUNCTION_NOT_LISTENING");
  t.is(
    slow.message,
    "the user function does not listen on 8080, 45 s after the start; nothing else listens in its place: " +
      "look at its log, and if it takes longer to start, give it more time (perdure.dev/start-timeout, --start-timeout)",
  );
  const wrong = absent([...KNATIVE, { address: "::", port: 3_000 }, { address: "0.0.0.0", port: 3_000 }]);
  t.regex(
    wrong.message,
    /^the user function does not listen on 8080, .* something listens on 3000: .*--port h2c:3000.*user-function-port=3000.* or let it listen on 8080$/,
  );
  const many = absent([5, 3, 1, 7, 2, 9, 4].map((port) => ({ address: "::", port })));
  t.regex(many.message, /something listens on 1, 2, 3, 4, 5 and more: /);
  const outside = absent([...KNATIVE, { address: "10.0.2.3", port: 8_080 }]);
  t.regex(
    outside.message,
    /it has that port at 10\.0\.2\.3 only: let it listen on 127\.0\.0\.1 or on all addresses$/,
  );
});

test("of a user function on another machine nothing is known but its address", (t) => {
  const elsewhere = absent([{ address: "::", port: 3_000 }], { ...TARGET, host: "cart.example" });
  t.regex(
    elsewhere.message,
    /^the user function does not listen on cart\.example:8080, 45 s after the start; if/,
  );
  t.regex(absent([], { ...TARGET, host: "2001:db8::1" }).message, /does not listen on \[2001:db8::1\]:8080/);
});

test("one that speaks something else, was refused or does not answer is told so", (t) => {
  const of = (code: GrpcErrorCode | undefined, problem: string) => {
    const error = startError({ kind: "connecting", problem, code }, TARGET, 45_000, []);
    return [error.code, error.message.slice(0, 60)];
  };
  t.deepEqual(of("WRONG_PROTOCOL", "x"), [
    "USER_FUNCTION_NOT_GRPC",
    "what listens on 8080 does not speak gRPC: it answers, but no",
  ]);
  t.deepEqual(of("BAD_RESPONSE", "HTTP status 404"), [
    "USER_FUNCTION_NOT_GRPC",
    "what listens on 8080 does not speak gRPC: HTTP status 404. A",
  ]);
  t.deepEqual(of("CONNECT_TIMEOUT", "no HTTP/2 settings within 5000 ms"), [
    "USER_FUNCTION_NOT_READY",
    "no user function was found on 8080 within 45 s: no HTTP/2 se",
  ]);
  t.deepEqual(of(undefined, ""), [
    "USER_FUNCTION_NOT_READY",
    "no user function was found on 8080 within 45 s: it does not ",
  ]);
  const refused = startError({ kind: "rejected", errors: ["a is wrong", "b is"] }, TARGET, 45_000, []);
  t.is(refused.code, "USER_FUNCTION_REFUSED");
  t.is(refused.message, "the user function on 8080 was refused: a is wrong; b is");
});
