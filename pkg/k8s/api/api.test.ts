// SPDX-License-Identifier: Apache-2.0

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import test from "ava";

import { systemClock } from "../../base/mod.ts";
import { seededRandom } from "../../base/test-doubles/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";

import type { ApiServer } from "../../../test/lib/api-server.ts";
import { startApiServer } from "../../../test/lib/api-server.ts";
import { until } from "../../../test/lib/until.ts";
import { inClusterAccess } from "./access.ts";
import { Api } from "./api.ts";
import type { JsonObject } from "./json.ts";
import { objectOrEmpty } from "./json.ts";
import { watchObject } from "./watch-object.ts";

const CONFIG_MAPS = "/api/v1/namespaces/x/configmaps";
const PATH = `${CONFIG_MAPS}/it`;
const OPTIONS = { requestTimeoutMs: 5_000, maxAnswerBytes: 10_000 };

async function start(
  options = OPTIONS,
): Promise<{ server: ApiServer; api: Api; close: () => Promise<void> }> {
  const server = await startApiServer();
  const api = new Api(server.access, options, systemClock);
  const close = async () => {
    api.close();
    await server.close();
  };
  return { server, api, close };
}

test("answers are objects, and each way to fail has its code", async (t) => {
  const { server, api, close } = await start();
  t.teardown(close);
  server.put(PATH, { data: { a: "b" } });
  t.like(await api.send({ method: "GET", path: PATH }), { data: { a: "b" } });
  const codes: readonly (readonly [number, string])[] = [
    [401, "API_FORBIDDEN"],
    [403, "API_FORBIDDEN"],
    [404, "API_NOT_FOUND"],
    [409, "API_CONFLICT"],
    [410, "API_GONE"],
    [429, "API_FAILED"],
    [500, "API_FAILED"],
  ];
  for (const [status, code] of codes) {
    server.failNext(status);
    const error = await t.throwsAsync(api.send({ method: "GET", path: PATH }), { code });
    t.is(error?.message, `GET ${PATH}: ${status} made to fail`);
  }
});

test("an answer that is too large is given up", async (t) => {
  const { server, api, close } = await start();
  t.teardown(close);
  server.put(PATH, { data: { a: "x".repeat(20_000) } });
  await t.throwsAsync(api.send({ method: "GET", path: PATH }), { code: "API_BAD_ANSWER" });
  const watched = api.watch(
    { method: "GET", path: `${CONFIG_MAPS}?watch=true&fieldSelector=metadata.name=it` },
    60_000,
  );
  await t.throwsAsync(watched.next(), { code: "API_BAD_ANSWER" });
});

test("a watch that is silent for longer than it was to last is given up", async (t) => {
  const { api, close } = await start({ ...OPTIONS, requestTimeoutMs: 200 });
  t.teardown(close);
  const path = `${CONFIG_MAPS}?watch=true&fieldSelector=metadata.name=it`;
  const events = async () => {
    for await (const event of api.watch({ method: "GET", path }, 200)) t.is(event["type"], "BOOKMARK");
  };
  await t.throwsAsync(events(), { code: "API_UNREACHABLE" });
});

test("a server that is not there, or that somebody else signed, is unreachable", async (t) => {
  const { server, api, close } = await start();
  const other = await startApiServer();
  t.teardown(() => other.close());
  const betrayed = new Api({ ...server.access, port: other.access.port }, OPTIONS, systemClock);
  t.teardown(() => betrayed.close());
  await t.throwsAsync(betrayed.send({ method: "GET", path: PATH }), { code: "API_UNREACHABLE" });
  t.deepEqual(other.requests, [], "it never saw our token");
  await close();
  await t.throwsAsync(api.send({ method: "GET", path: PATH }), { code: "API_UNREACHABLE" });
});

test("a pod's own access is read from where Kubernetes puts it, the token each time anew", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "perdure-access-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const env = { KUBERNETES_SERVICE_HOST: "10.0.0.1", KUBERNETES_SERVICE_PORT: "443" };
  await t.throwsAsync(inClusterAccess({}, folder), { code: "NOT_IN_CLUSTER" });
  await t.throwsAsync(inClusterAccess(env, folder), {
    code: "NOT_IN_CLUSTER",
    message: /ca\.crt cannot be read/,
  });
  writeFileSync(join(folder, "ca.crt"), "CA");
  writeFileSync(join(folder, "token"), "one\n");
  const access = await inClusterAccess(env, folder);
  t.like(access, { host: "10.0.0.1", port: 443, ca: "CA" });
  t.is(await access.token(), "one");
  writeFileSync(join(folder, "token"), "two");
  t.is(await access.token(), "two");
});

/** Watches the object `it`. `seen` has each reported state: its `data.n`, or `none` if the object does not exist. */
function follow(api: Api): { seen: string[]; stop: () => Promise<void> } {
  const stop = new AbortController();
  const seen: string[] = [];
  const onChange = (object: JsonObject | undefined) => {
    seen.push(object === undefined ? "none" : String(objectOrEmpty(object["data"])["n"]));
  };
  const options = { watchTimeoutMs: 60_000, backoff: { minMs: 1, maxMs: 5, jitter: 0 } };
  const dependencies = { api, clock: systemClock, random: seededRandom(1), telemetry: NO_TELEMETRY };
  const running = watchObject(CONFIG_MAPS, "it", onChange, options, dependencies, stop.signal);
  return {
    seen,
    stop: () => {
      stop.abort();
      return running;
    },
  };
}

test("an object is followed from nothing through each change to its end", async (t) => {
  const { server, api, close } = await start();
  t.teardown(close);
  const followed = follow(api);
  await until("the watch stands", () => server.watches === 1);
  for (const n of ["1", "2"]) server.put(PATH, { data: { n } });
  server.put(`${CONFIG_MAPS}/other`, { data: { n: "not ours" } });
  server.put(PATH, undefined);
  await until("its end is seen", () => followed.seen.length >= 4);
  t.deepEqual(followed.seen, ["none", "1", "2", "none"]);
  await followed.stop();
});

test("however a watch ends, the last state is told, and nothing is told again without need", async (t) => {
  const { server, api, close } = await start();
  t.teardown(close);
  server.put(PATH, { data: { n: "0" } });
  const followed = follow(api);
  await until("the watch stands", () => server.watches === 1);

  server.endWatches(false);
  await until("it goes on", () => server.watches === 0);
  server.put(PATH, { data: { n: "1" } });
  await until("the change in between is seen", () => followed.seen.at(-1) === "1");
  t.is(
    server.requests.filter((request) => request === `GET ${CONFIG_MAPS}`).length,
    1,
    "it is not listed anew",
  );

  await until("the watch stands", () => server.watches === 1);
  server.failNext(503, 3);
  server.endWatches(true);
  server.put(PATH, { data: { n: "2" } });
  await until("it is seen after failures", () => followed.seen.at(-1) === "2");

  await until("the watch stands", () => server.watches === 1);
  server.forgetPlaces();
  server.endWatches(false);
  server.put(PATH, { data: { n: "3" } });
  await until("it is seen although the place was forgotten", () => followed.seen.at(-1) === "3");
  await followed.stop();
  // The server hears of it when the connection has ended.
  await until("no watch is left", () => server.watches === 0);
});

test("a watch stops at once, also while it waits to try again", async (t) => {
  const { server, api, close } = await start();
  t.teardown(close);
  server.failNext(500, 1_000);
  const followed = follow(api);
  await until("it failed", () => server.requests.length > 2);
  await followed.stop();
  const asked = server.requests.length;
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.true(server.requests.length <= asked + 1);
});
