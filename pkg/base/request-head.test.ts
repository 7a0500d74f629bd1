// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { headProblem } from "./request-head.ts";

const kindOf = (rawHeaders: readonly string[], httpVersion = "1.1") =>
  headProblem({ httpVersion, rawHeaders })?.kind;
const HOST = ["host", "x"];

test("one host that is a name or an address passes, whatever its port", (t) => {
  const hosts = ["", "x", "x:80", "x:", "A-b_c.example.", "127.0.0.1:9000", "[::1]:9000", "[fe80::1%25eth0]"];
  for (const host of hosts) t.is(kindOf(["Host", host]), undefined, host);
  t.is(kindOf([], "1.0"), undefined);
});

test("a request of HTTP/1.1 without a host is malformed, one of HTTP/1.0 is not", (t) => {
  t.is(kindOf([]), "malformed");
  t.is(kindOf(["accept", "*/*"]), "malformed");
  t.is(kindOf(["accept", "*/*"], "1.0"), undefined);
});

test("a host that is none, or several, are malformed", (t) => {
  for (const host of ["a b", "a/b", "a,b", "u@a", "a?b", "a#b", "[::1", "a:b", "http://a", "ä"])
    t.is(kindOf(["Host", host]), "malformed", host);
  t.is(kindOf(["Host", "x", "HOST", "x"]), "malformed");
  t.is(kindOf(["host", "x", "accept", "*/*", "host", ""]), "malformed");
});

test("chunked is the only transfer coding, and not over HTTP/1.0", (t) => {
  t.is(kindOf([...HOST, "transfer-encoding", "Chunked"]), undefined);
  for (const coding of ["gzip", "gzip, chunked", "identity", "chunked, chunked", "chunked;q=1", "x", ""])
    t.is(kindOf([...HOST, "Transfer-Encoding", coding]), "unknown transfer coding", coding);
  t.is(
    kindOf([...HOST, "transfer-encoding", "gzip", "transfer-encoding", "chunked"]),
    "unknown transfer coding",
  );
  t.is(kindOf(["transfer-encoding", "chunked"], "1.0"), "malformed");
});
