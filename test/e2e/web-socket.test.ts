// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { startProxyProcess, startSample } from "../lib/processes.ts";

const ANN = "ann";

test("a till scans products over a WebSocket of browsers, and the carts behind the action answer each", async (t) => {
  const ordering = await startSample(t, "action-pipeline");
  const proxy = await startProxyProcess(t, { PERDURE_LOG: "memory:", USER_FUNCTION_PORT: ordering.port });
  await proxy.ready();

  const till = new WebSocket(`ws://127.0.0.1:${proxy.port}/com.example.pipeline.Ordering/Scan`);
  const heard: unknown[] = [];
  const ended = new Promise<CloseEvent>((resolve) => till.addEventListener("close", resolve));
  const answered = new Promise((resolve) => till.addEventListener("message", resolve, { once: true }));
  till.addEventListener("message", ({ data }) => heard.push(JSON.parse(String(data))));
  await new Promise((resolve) => till.addEventListener("open", resolve));

  till.send(JSON.stringify({ userId: ANN, code: "4001", quantity: 2 }));
  await answered;
  till.send(JSON.stringify({ userId: ANN, code: "4002" }));
  till.send(JSON.stringify({ userId: ANN, code: "9999" }));
  const { code, reason } = await ended;

  const pens = { productId: "4001", name: "Pen", quantity: 2 };
  const ink = { productId: "4002", name: "Ink", quantity: 1 };
  t.deepEqual(heard.slice(0, 2), [{ items: [pens] }, { items: [pens, ink] }]);
  t.like(heard[2], { error: { code: 5, message: "There is no product 9999" } });
  t.deepEqual([heard.length, code, reason], [3, 4005, "COMMAND_FAILED"]);
});

test("a proxy that is told to stop lets calls finish, and tells who is left", async (t) => {
  const ordering = await startSample(t, "action-pipeline");
  const proxy = await startProxyProcess(t, {
    PERDURE_LOG: "memory:",
    PERDURE_DRAIN_TIMEOUT_MS: 500,
    USER_FUNCTION_PORT: ordering.port,
  });
  await proxy.ready();
  const till = new WebSocket(`ws://127.0.0.1:${proxy.port}/com.example.pipeline.Ordering/Scan`);
  const ended = new Promise<CloseEvent>((resolve) => till.addEventListener("close", resolve));
  await new Promise((resolve) => till.addEventListener("open", resolve));
  const exit = await proxy.kill("SIGTERM");
  const { code, reason } = await ended;
  t.deepEqual([code, reason], [1001, "PROXY_STOPPING"]);
  t.deepEqual(exit, { code: 0, signal: null });
});
