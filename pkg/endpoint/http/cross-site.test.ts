// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { HTTP_CLIENTS } from "../testdata/http-clients.ts";
import { echo, runEndpoint } from "../testdata/running-endpoint.ts";

const SHOP = "https://shop.example";
const EVIL = "https://evil.example";
/** A method that takes no body, so no content type is looked at. */
const LEND = "/books/1:lend";
const FORMS = [
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "text/plain;charset=UTF-8",
];

type Headers = Readonly<Record<string, string>>;

/**
 * Requests that a browser lets a page of another origin send without a preflight. They are refused if they may change
 * something.
 */
const REFUSED: readonly (readonly [name: string, headers: Headers])[] = [
  ["a page of another origin, without a body", { origin: EVIL }],
  ...FORMS.map((type) => [`a form as ${type}`, { origin: EVIL, "content-type": type }] as const),
  ["the ping of a link", { origin: EVIL, "content-type": "text/ping" }],
  ["a report", { origin: EVIL, "content-type": "Application/CSP-Report" }],
  ["a sandboxed page or a file", { origin: "null" }],
  ["a page of another port", { origin: "http://127.0.0.1:1" }],
  ["what the browser says is of another site", { origin: EVIL, "sec-fetch-site": "cross-site" }],
  ["a neighbour of the same site", { origin: EVIL, "sec-fetch-site": "same-site" }],
  ["another site that hides its origin", { "sec-fetch-site": "cross-site" }],
  ["an origin that is none", { origin: "https://" }],
];

/** Requests that must be served. `own` stands for the port's own origin. */
const SERVED: readonly (readonly [name: string, headers: Headers])[] = [
  ["a client that is no browser", {}],
  ["curl with a form's content type", { "content-type": "application/x-www-form-urlencoded" }],
  ["a page of its own", { origin: "own", "content-type": "text/plain" }],
  ["a page of a named origin", { origin: SHOP, "sec-fetch-site": "cross-site" }],
  ["the browser says that it is of the same origin", { origin: EVIL, "sec-fetch-site": "same-origin" }],
  ["a page of its own that hides its origin", { origin: "null", "sec-fetch-site": "same-origin" }],
  ["what its user typed", { "sec-fetch-site": "none" }],
  ["what only a preflight lets through", { origin: EVIL, "content-type": "application/json" }],
];

for (const [version, send] of Object.entries(HTTP_CLIENTS)) {
  for (const [name, headers] of REFUSED) {
    test(`${version}: a POST that no preflight has allowed is refused: ${name}`, async (t) => {
      const refuse = () => t.fail("it was dispatched");
      const endpoint = await runEndpoint(t, refuse, { corsOrigins: [SHOP] });
      for (const path of [LEND, "/uploads"]) {
        const reply = await send(endpoint.port, { method: "POST", path, headers });
        t.is(reply.status, 403);
        t.is(reply.headers["perdure-error-code"], "ORIGIN_NOT_ALLOWED");
        reply.leave();
      }
    });

    test(`${version}: reading is allowed, because it changes nothing: ${name}`, async (t) => {
      const endpoint = await runEndpoint(t);
      const reply = await send(endpoint.port, { path: "/books/1", headers });
      t.is(reply.status, 200);
      reply.leave();
    });
  }

  for (const [name, headers] of SERVED) {
    test(`${version}: ${name} may POST`, async (t) => {
      const endpoint = await runEndpoint(t, echo, { corsOrigins: [SHOP] });
      const { origin } = headers;
      const sent = origin === "own" ? { ...headers, origin: `http://127.0.0.1:${endpoint.port}` } : headers;
      const reply = await send(endpoint.port, { method: "POST", path: LEND, headers: sent });
      t.is(reply.status, 200);
      reply.leave();
    });
  }

  test(`${version}: where every origin is named, every page may POST`, async (t) => {
    const endpoint = await runEndpoint(t, echo, { corsOrigins: ["*"] });
    for (const [, headers] of REFUSED) {
      const reply = await send(endpoint.port, { method: "POST", path: LEND, headers });
      t.is(reply.status, 200);
      reply.leave();
    }
  });

  test(`${version}: a form cannot call gRPC-Web either`, async (t) => {
    const endpoint = await runEndpoint(t, () => t.fail("it was dispatched"));
    const path = "/perdure.test.library.Plain/Echo";
    for (const type of FORMS) {
      const headers = { origin: EVIL, "content-type": type };
      const reply = await send(endpoint.port, { method: "POST", path, headers, body: "key=1" });
      t.is(reply.headers["perdure-error-code"], "ORIGIN_NOT_ALLOWED");
      reply.leave();
    }
  });
}
