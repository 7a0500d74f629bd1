// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { HELP, parseOptions } from "./options.ts";

test("without options, our own pair is tested", (t) => {
  t.deepEqual(parseOptions([]), {
    kind: "run",
    options: {
      service: undefined,
      proxy: undefined,
      interceptorHost: "127.0.0.1",
      interceptorPort: 8090,
      filters: [],
      list: false,
      withinMs: 3_000,
      startWithinMs: 60_000,
    },
  });
});

test("addresses are a host and a port", (t) => {
  const args = ["--service", "my-host:8080", "--proxy", "[::1]:9000", "--interceptor-port", "80"];
  const parsed = parseOptions(["--", ...args, "--filter", "A", "--filter", "b"]);
  t.like(parsed, {
    kind: "run",
    options: { service: "my-host:8080", proxy: "[::1]:9000", interceptorPort: 80, filters: ["a", "b"] },
  });
  for (const address of ["", "8080", "host", "host:", "host:0", "host:65536", "http://host:80", "::1:80"]) {
    t.deepEqual(parseOptions(["--service", address]), {
      kind: "wrong",
      text: `--service takes HOST:PORT, not "${address}"`,
    });
  }
});

test("what makes no sense is refused", (t) => {
  for (const args of [
    ["--nonsense"],
    ["words"],
    ["--interceptor-port", "x"],
    ["--interceptor-port", "0"],
    ["--timeout-seconds", "0"],
    ["--wait-seconds", "-1"],
    ["--wait-seconds", "many"],
  ]) {
    t.is(parseOptions(args).kind, "wrong", args.join(" "));
  }
});

test("the help text names every option", (t) => {
  t.deepEqual(parseOptions(["--service", "nonsense", "-h"]), { kind: "help" });
  const parsed = parseOptions([]);
  t.is(parsed.kind, "run");
  for (const flag of ["service", "proxy", "interceptor-port", "interceptor-host", "filter", "list", "help"]) {
    t.true(HELP.includes(`  --${flag} `), flag);
  }
});
