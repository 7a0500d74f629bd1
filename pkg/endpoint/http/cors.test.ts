// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { HttpCall } from "../testdata/http-clients.ts";
import { HTTP_CLIENTS } from "../testdata/http-clients.ts";
import { echo, runEndpoint } from "../testdata/running-endpoint.ts";
import { parseOrigins } from "./origins.ts";

const SHOP = "https://shop.example";

const preflight = (origin: string, headers = "content-type,x-grpc-web"): HttpCall => ({
  method: "OPTIONS",
  path: "/books/1",
  headers: {
    origin,
    "access-control-request-method": "PUT",
    "access-control-request-headers": headers,
  },
});

test("origins are those that browsers send", (t) => {
  t.deepEqual(parseOrigins(""), []);
  t.deepEqual(parseOrigins(" "), []);
  t.deepEqual(parseOrigins("*"), ["*"]);
  t.deepEqual(parseOrigins(`${SHOP} ,http://[::1]:3000`), [SHOP, "http://[::1]:3000"]);
  for (const bad of [
    "x",
    "ftp://x",
    "https://x/",
    "https://X",
    "https://x:443",
    "https://u@x",
    "null",
    `${SHOP},`,
  ])
    t.is(parseOrigins(bad), undefined, bad);
  t.is(parseOrigins(Array.from({ length: 101 }, (_, i) => `https://a${i}`).join(",")), undefined);
});

for (const [version, send] of Object.entries(HTTP_CLIENTS)) {
  test(`${version}: a page of a named origin may call, one of another may not`, async (t) => {
    const endpoint = await runEndpoint(t, echo, { corsOrigins: [SHOP, "http://localhost:3000"] });
    const asked = await send(endpoint.port, preflight(SHOP));
    t.is(asked.status, 200);
    t.like(asked.headers, {
      "access-control-allow-origin": SHOP,
      "access-control-allow-methods": "PUT",
      "access-control-allow-headers": "content-type,x-grpc-web",
      "access-control-max-age": "7200",
      vary: "origin",
    });
    t.is(asked.headers["access-control-allow-credentials"], undefined);
    asked.leave();

    // The methods in `allow` make no difference: a browser refuses, because the `access-control-allow-origin` header
    // is missing.
    const stranger = await send(endpoint.port, preflight("https://evil.example"));
    t.is(stranger.status, 200);
    t.is(stranger.headers["allow"], "GET, HEAD, OPTIONS, PUT");
    t.is(stranger.headers["access-control-allow-methods"], undefined);
    t.is(stranger.headers["access-control-allow-origin"], undefined);
    stranger.leave();

    for (const [path, status] of [
      ["/books/1", 200],
      ["/nowhere", 404],
    ] as const) {
      const answer = await send(endpoint.port, { path, headers: { origin: SHOP } });
      t.is(answer.status, status);
      t.is(answer.headers["access-control-allow-origin"], SHOP);
      t.is(answer.headers["access-control-expose-headers"], "*");
      answer.leave();
      const other = await send(endpoint.port, { path, headers: { origin: "https://evil.example" } });
      t.is(other.headers["access-control-allow-origin"], undefined);
      // An error depends on `accept` too.
      t.is(other.headers["vary"], status === 200 ? "origin" : "accept, origin");
      other.leave();
    }
  });

  test(`${version}: nobody is named unless somebody names them`, async (t) => {
    const endpoint = await runEndpoint(t);
    const asked = await send(endpoint.port, preflight(SHOP));
    t.is(asked.status, 200);
    t.is(asked.headers["allow"], "GET, HEAD, OPTIONS, PUT");
    t.false(Object.keys(asked.headers).some((name) => name.startsWith("access-control") || name === "vary"));
    asked.leave();
    const answer = await send(endpoint.port, { path: "/books/1", headers: { origin: SHOP } });
    t.false(Object.keys(answer.headers).some((name) => name.startsWith("access-control") || name === "vary"));
    answer.leave();
  });

  test(`${version}: every origin may be named, and what is no list of headers is not granted`, async (t) => {
    const endpoint = await runEndpoint(t, echo, { corsOrigins: ["*"] });
    const asked = await send(endpoint.port, preflight("null", "a b"));
    t.is(asked.headers["access-control-allow-origin"], "*");
    t.is(asked.headers["access-control-allow-headers"], undefined);
    t.is(asked.headers["vary"], undefined);
    asked.leave();
  });
}
