// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import type { ExecutionContext } from "ava";
import test from "ava";

import { until } from "../lib/until.ts";
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

test("a late call stands for those that would have begun meanwhile", async (t) => {
  let calls = 0;
  const { port } = await serve(t, (_request, response) => {
    setTimeout(() => response.end(), calls++ === 3 ? 400 : 0);
  });
  const bystander = startBystander("JSON", httpCaller(port, "/"));
  await until("some calls are answered after the late one", () => calls === 10);
  const { count, failed, maxMs, p50Ms } = await bystander.stop();
  t.is(failed, 0);
  t.true(maxMs >= 399);
  // The nine other calls, and the twenty that the late one stands for. Most of these times are waits.
  t.true(count >= 28, `${count}`);
  t.true(p50Ms > 20, `${p50Ms}`);
});

test("slow calls do not queue up behind each other", async (t) => {
  let calls = 0;
  const { port } = await serve(t, (_request, response) => {
    setTimeout(() => response.end(), 30);
    calls++;
  });
  const bystander = startBystander("JSON", httpCaller(port, "/"));
  await until("twenty calls are made", () => calls === 20);
  const { count, p50Ms } = await bystander.stop();
  t.true(count >= 38, `${count}`);
  // If calls waited for their turn every 20 ms, the last one would be 200 ms late.
  t.true(p50Ms < 100, `${p50Ms}`);
});

test("calls that fail take for ever, and one that is not answered at all takes up to the end", async (t) => {
  let calls = 0;
  const broken = await serve(t, (_request, response) => {
    calls++;
    response.writeHead(500).end();
  });
  const failing = startBystander("JSON", httpCaller(broken.port, "/"));
  await until("calls are answered", () => calls === 5);
  const { count, failed, p99Ms } = await failing.stop();
  // Those that are under way at the end are not known to have failed.
  t.true(failed > 0, `${failed} of ${count}`);
  t.is(p99Ms, Number.POSITIVE_INFINITY);

  const silent = await serve(t, () => undefined);
  const waiting = startBystander("JSON", httpCaller(silent.port, "/"));
  await pause(300, NEVER);
  const waited = await waiting.stop();
  t.is(waited.failed, 0);
  t.true(waited.maxMs >= 299 && waited.p50Ms > 100, JSON.stringify(waited));
});

test("a connection is kept for some calls, and then there is another", async (t) => {
  const connectionsAt: number[] = [];
  const { port, connections } = await serve(t, (_request, response) => {
    connectionsAt.push(connections());
    response.end();
  });
  const bystander = startBystander("JSON", httpCaller(port, "/"));
  await until("sixty calls are made", () => connectionsAt.length >= 60);
  await bystander.stop();
  t.deepEqual(
    connectionsAt.slice(0, 60),
    Array.from({ length: 60 }, (_, call) => 1 + Math.floor(call / 25)),
  );
});

test("a probe counts what is not answered well in time, on a connection each", async (t) => {
  let calls = 0;
  const { port, connections } = await serve(t, (_request, response) => {
    if (calls++ === 0) response.writeHead(503).end();
    else response.end();
  });
  const probe = startProbe("/readyz", httpCaller(port, "/readyz"));
  await until("three calls are made", () => calls >= 3);
  const { count, failed, problem } = await probe.stop();
  t.deepEqual([failed, problem], [1, "answered 503"]);
  t.true(count >= 2);
  // The call that is under way at the end has a connection, and is not counted.
  t.true(connections() - count <= 1, `${connections()} connections, ${count} calls`);
});

test("a probe waits a second and no longer", async (t) => {
  const { port } = await serve(t, () => undefined);
  const probe = startProbe("/livez", httpCaller(port, "/livez"));
  await pause(1_200, NEVER);
  const { count, failed, problem } = await probe.stop();
  t.deepEqual([count, failed, problem], [1, 1, "no answer in time"]);
});
