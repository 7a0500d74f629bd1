// SPDX-License-Identifier: Apache-2.0

/** `/inspect` of the admin port: what each part of a running proxy says that it does now. */

import { networkInterfaces } from "node:os";

import test from "ava";

import { messageTypeUrl } from "../protocol/mod.ts";

import { COUNTER_REQUEST, COUNTER_SERVICE, counterRequest, counterSpec } from "../../test/lib/counter.ts";
import { httpClient } from "../../test/lib/http-client.ts";
import type { LocalProxy } from "../../test/lib/local-proxy.ts";
import { startWorld } from "../../test/lib/local-proxy.ts";
import { memoryTracer } from "../../test/lib/memory-tracer.ts";
import type { Script, StreamOut } from "../../test/lib/scripted-user-function.ts";
import { until } from "../../test/lib/until.ts";

const ADD = `/${COUNTER_SERVICE}/Add`;
const METHOD = `${COUNTER_SERVICE}.Add`;
const PAYLOAD = { typeUrl: messageTypeUrl(COUNTER_REQUEST), value: counterRequest("a") };
const REPLY = { action: { case: "reply", value: { payload: PAYLOAD } } };
const FAILURE = { action: { case: "failure", value: { description: "no" } } };

/** Stores an event for each command and replies, but refuses those of `bad`, and never answers those of `slow`. */
const SCRIPT: Script = {
  spec: counterSpec(),
  onMessage({ message }, stream) {
    if (message.case !== "command") return;
    const { id: commandId, entityId } = message.value;
    if (entityId === "slow") return;
    const isBad = entityId === "bad";
    const value = { commandId, clientAction: isBad ? FAILURE : REPLY, events: isBad ? [] : [PAYLOAD] };
    stream.send({ message: { case: "reply", value } } as StreamOut);
  },
};

const add = (id: string) => ({ body: { id, amount: 1 } });

type Report = Record<string, Record<string, unknown>>;

async function report({ admin }: LocalProxy): Promise<Report> {
  const answer = await admin.call("/inspect?format=json");
  return JSON.parse(answer.body) as Report;
}

function rowsOf(from: Report, part: string, name: string): readonly Record<string, unknown>[] {
  return (from[part]?.[name] ?? []) as Record<string, unknown>[];
}

test("it says what each part does: states, queues, memory, connections and slow commands with their traces", async (t) => {
  const tracer = memoryTracer();
  const world = await startWorld(t, SCRIPT, {}, { tracer });
  const { http, proxy } = world;
  await http.call(ADD, add("a"));
  await http.call(ADD, add("bad"));
  const waiting = [0, 1, 2].map(() => http.call(ADD, add("slow")));
  for (const each of waiting) each.catch(() => undefined);
  await until("two wait behind one", async () => {
    const [first] = rowsOf(await report(world), "entities", "busiest");
    return first?.["waiting"] === 2 && first["state"] === "open";
  });

  const all = await report(world);
  const { admin, process, log, entities, router, endpoint, drain, ...rest } = all;
  t.like(admin, { port: proxy.adminPort, connections: 1 });
  t.like(process, { openRequests: { used: 3 }, bytes: { 0: { account: "callers" }, length: 4 } });
  t.deepEqual(log, { address: "memory:", durability: "memory", partitions: 1, health: "usable" });
  t.like(rest["user function"], { state: "serving", streams: { open: 3, waiting: 0 } });
  t.like(entities, {
    inMemory: 3,
    activations: { waiting: 0, working: 0 },
    types: [{ type: "counter", waiting: 2, idle: 2, open: 1 }],
    busiest: [{ entity: "counter/slow", state: "open", waiting: 2 }],
  });
  t.deepEqual(router, { openActions: { calls: 0, streams: 0 }, sideEffects: { working: 0, waiting: 0 } });
  t.like(endpoint, { port: proxy.port, connections: { addresses: 1, http2: 0, webSockets: 0 } });
  t.deepEqual(drain, { state: "serving" });

  const slowest = rowsOf(all, "commands", "slowestOfLastMinute");
  const rows = new Map(slowest.map((row) => [row["entity"], row]));
  t.is(rows.size, 2);
  const spans = tracer.spans.filter(({ path }) => path === METHOD).map(({ context }) => context);
  for (const [index, name] of ["counter/a", "counter/bad"].entries()) {
    const { traceId, spanId } = spans[index] ?? {};
    t.like(rows.get(name), { method: METHOD, traceId, spanId });
  }
  t.is(rows.get("counter/a")?.["code"], undefined);
  t.is(rows.get("counter/bad")?.["code"], "COMMAND_FAILED");
  for (const { tookMs, waitedMs, functionMs, storingMs } of slowest) {
    const parts = [waitedMs, functionMs, storingMs].map(Number);
    t.true(parts.every((part) => part >= 0));
    t.true(Math.abs(parts.reduce((sum, part) => sum + part, 0) - Number(tookMs)) < 0.5);
  }
});

test("a command that waited in vain is among the slow ones", async (t) => {
  const world = await startWorld(t, SCRIPT, { PERDURE_RELAY_TIMEOUT_MS: "300" });
  await Promise.all([world.http.call(ADD, add("slow")), world.http.call(ADD, add("slow"))]);
  const slowest = rowsOf(await report(world), "commands", "slowestOfLastMinute");
  const codes = slowest.map(({ code }) => code);
  t.is(codes.length, 2);
  // The second one is sent if the first one's time is up a moment before its own, and then has another code.
  t.true(codes.includes("RELAY_TIMEOUT"));
  t.true(codes.every((code) => code === "RELAY_TIMEOUT" || code === "MAILBOX_TIMEOUT"));
});

test("text is for people, and JSON for who asks for it", async (t) => {
  const { admin } = await startWorld(t, SCRIPT);
  const text = await admin.call("/inspect");
  t.like(text, { status: 200, contentType: "text/plain; charset=utf-8" });
  t.regex(text.body, /^admin\n {2}port +\d+\n/);
  t.regex(text.body, /^entities\n {2}inMemory +0$/m);
  for (const accept of ["application/json", "text/html, Application/JSON;q=0.9"])
    t.is((await admin.call("/inspect", { headers: { accept } })).contentType, "application/json", accept);
  for (const accept of ["*/*", "text/plain", "application/jsonl"])
    t.is((await admin.call("/inspect", { headers: { accept } })).contentType, text.contentType, accept);
  t.is((await admin.call("/inspect?format=json")).contentType, "application/json");
  t.like(await admin.call("/inspect?format=xml"), { status: 400, errorCode: "ADMIN_BAD_QUERY" });
  t.like(await admin.call("/inspect", { method: "HEAD" }), { status: 200, body: "" });
});

test("where there is a secret, entities are named only to who sends it", async (t) => {
  const secret = "0123456789abcdef";
  const { http, admin } = await startWorld(t, SCRIPT, { PERDURE_DRAIN_SECRET: secret });
  await http.call(ADD, add("secret-id"));
  const waiting = http.call(ADD, add("slow"));
  waiting.catch(() => undefined);
  for (const path of ["/inspect", "/inspect?format=json"]) {
    const other = await admin.call(path, { headers: { "perdure-drain-secret": `${secret}x` } });
    t.is(other.status, 200);
    t.notRegex(other.body, /secret-id|counter\/slow/);
    t.regex(other.body, new RegExp(METHOD));
    const headers = { "perdure-drain-secret": secret };
    await until("both are named", async () => {
      const { body } = await admin.call(path, { headers });
      return body.includes("counter/secret-id") && body.includes("counter/slow");
    });
  }
});

test("beyond loopback, and to web pages, it says nothing", async (t) => {
  const world = await startWorld(t, SCRIPT, { ADMIN_HOST: "0.0.0.0" });
  await world.http.call(ADD, add("secret-id"));
  const page = { headers: { origin: "http://localhost" } };
  const refused = await world.admin.call("/inspect", page);
  t.like(refused, { status: 403, errorCode: "ADMIN_PAGE_NOT_ALLOWED" });
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const outside = addresses.find(({ internal, family }) => !internal && family === "IPv4");
  if (outside === undefined) return t.log("not tried from outside: this machine has no address but loopback");
  const client = httpClient(world.proxy.adminPort, { host: outside.address });
  t.teardown(() => client.close());
  for (const path of ["/inspect", "/inspect?format=json"]) {
    const answer = await client.call(path);
    t.like(answer, { status: 403, errorCode: "ADMIN_ONLY_LOOPBACK" });
    t.notRegex(answer.body, /secret-id/);
  }
});
