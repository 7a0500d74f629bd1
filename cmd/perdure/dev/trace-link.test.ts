// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { checkTraceUrl, traceLink } from "./trace-link.ts";

const ID = "4bf92f3577b34da6a3ce929d0e0e4736";

test("a trace that is sent nowhere has no link", (t) => {
  t.is(traceLink(ID, undefined, undefined), undefined);
});

test("a trace that is sent to this machine is linked to Jaeger's page there, another one is named", (t) => {
  t.is(traceLink(ID, "http://localhost:4317", undefined), `http://localhost:16686/trace/${ID}`);
  t.is(traceLink(ID, "http://127.0.0.1:9999", undefined), `http://127.0.0.1:16686/trace/${ID}`);
  for (const endpoint of ["https://api.example.com:4317", "http://[", "collector:4317"])
    t.is(traceLink(ID, endpoint, undefined), ID);
});

test("the link is what the developer says", (t) => {
  const url = "https://grafana.example.com/explore?trace={id}";
  t.is(
    traceLink(ID, "http://localhost:4317", url),
    "https://grafana.example.com/explore?trace=4bf92f3577b34da6a3ce929d0e0e4736",
  );
  checkTraceUrl(url);
  checkTraceUrl(undefined);
  t.throws(() => checkTraceUrl("http://localhost:16686"), { code: "BAD_USAGE", message: /\{id\}/ });
});
