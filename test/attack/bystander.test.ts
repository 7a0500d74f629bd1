// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

import test from "ava";
import type { ExecutionContext } from "ava";

import { startBystander } from "./bystander.ts";
import { httpCaller } from "./calls.ts";
import { startProbe } from "./probes.ts";
import { pause } from "./wire/repeat.ts";

const NEVER = new AbortController().signal;

async function serve(t: ExecutionContext, listener: RequestListener) {
  const server = createServer(listener);
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  let connections = 0;
  server.on("connection", () => connections++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

test("calls whose turn came while one was answered late are late as well", async (t) => {
  let calls = 0;
  const { port } = await serve(t, (_request, response) => {
    setTimeout(() => response.end(), calls++ === 3 ? 400 : 0);
  });
  const bystander = startBystander("JSON", httpCaller(port, "/"));
  await pause(700, NEVER);
  const { count, failed, maxMs, p50Ms } = await bystander.stop();
  t.is(failed, 0);
  t.true(maxMs >= 399);
  t.true(count >= 30);
  // The late one, and about twenty in its wake: half of all calls waited long.
  t.true(p50Ms > 20, `${p50Ms}`);
});

test("calls that fail take for ever, and one that is not answered at all takes up to the end", async (t) => {
  const broken = await serve(t, (_request, response) => response.writeHead(500).end());
  const failing = startBystander("JSON", httpCaller(broken.port, "/"));
  await pause(100, NEVER);
  const { count, failed, p99Ms } = await failing.stop();
  // All but the one that is under way at the end, and the one whose turn it is then.
  t.true(failed > 0 && failed >= count - 2, `${failed} of ${count}`);
  t.is(p99Ms, Number.POSITIVE_INFINITY);

  const silent = await serve(t, () => undefined);
  const waiting = startBystander("JSON", httpCaller(silent.port, "/"));
  await pause(300, NEVER);
  const waited = await waiting.stop();
  t.is(waited.failed, 0);
  t.true(waited.maxMs >= 299 && waited.p50Ms > 100, JSON.stringify(waited));
});

test("a connection is kept for some calls, and then there is another", async (t) => {
  const { port, connections } = await serve(t, (_request, response) => response.end());
  const bystander = startBystander("JSON", httpCaller(port, "/"));
  await pause(1_200, NEVER);
  const { count } = await bystander.stop();
  t.is(connections(), Math.ceil(count / 25));
});

test("a probe counts what is not answered well in time, on a connection each", async (t) => {
  let calls = 0;
  const { port, connections } = await serve(t, (_request, response) => {
    if (calls++ === 0) response.writeHead(503).end();
    else response.end();
  });
  const probe = startProbe("/readyz", httpCaller(port, "/readyz"));
  await pause(600, NEVER);
  const { count, failed, problem } = await probe.stop();
  t.deepEqual([failed, problem], [1, "answered 503"]);
  t.true(count >= 2);
  t.is(connections(), count);
});

test("a probe waits a second and no longer", async (t) => {
  const { port } = await serve(t, () => undefined);
  const probe = startProbe("/livez", httpCaller(port, "/livez"));
  await pause(1_200, NEVER);
  const { count, failed, problem } = await probe.stop();
  t.deepEqual([count, failed, problem], [1, 1, "no answer in time"]);
});
