// SPDX-License-Identifier: Apache-2.0

import { request } from "node:http";

import test from "ava";

import { CLUSTER_METRICS } from "../cluster/mod.ts";
import { messageTypeUrl } from "../protocol/mod.ts";
import type { TraceContext, Tracer } from "../telemetry/mod.ts";
import { sampleName } from "../telemetry/mod.ts";

import { COUNTER_REQUEST, COUNTER_SERVICE, counterRequest, counterSpec } from "../../test/lib/counter.ts";
import { startLocalProxy, startWorld } from "../../test/lib/local-proxy.ts";
import type { ReadFamily } from "../../test/lib/metrics-text.ts";
import { readOpenMetrics, readPrometheus } from "../../test/lib/metrics-text.ts";
import { findPromtool, promtoolProblems } from "../../test/lib/promtool.ts";
import type { Script, StreamOut } from "../../test/lib/scripted-user-function.ts";
import { lineReply, TALKS_SERVICE, talksSpec } from "../../test/lib/talks.ts";
import { until } from "../../test/lib/until.ts";
import { PROXY_METRIC_GROUPS } from "./metrics.ts";

const OPEN_METRICS = "application/openmetrics-text; version=1.0.0";

/** No user function listens there. */
const NO_PORT = 1;

interface Answer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly errorCode: string | undefined;
  readonly body: string;
}

function ask(port: number, headers: Readonly<Record<string, string>> = {}, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ port, host: "127.0.0.1", path: "/metrics", headers, method, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("end", () => {
        const code = response.headers["perdure-error-code"];
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers["content-type"],
          errorCode: typeof code === "string" ? code : undefined,
          body,
        });
      });
    })
      .on("error", reject)
      .end();
  });
}

const SPANS = ["perdure_spans_exported_total", "perdure_spans_dropped_total", "perdure_spans_waiting"];

const ADD = `/${COUNTER_SERVICE}/Add`;

/** As no label may be. */
const ID = "ann-of-the-entities";

/** Stores an event with a snapshot for each command with an amount, and fails the others. */
const COUNTER: Script = {
  spec: counterSpec(),
  onMessage({ message }, stream) {
    if (message.case !== "command") return;
    const { id: commandId, payload } = message.value;
    const event = { typeUrl: messageTypeUrl(COUNTER_REQUEST), value: payload?.value ?? new Uint8Array() };
    const isEmpty = event.value.length <= counterRequest(ID).length;
    const action = isEmpty
      ? { case: "failure", value: { description: "nothing to add" } }
      : { case: "reply", value: { payload: event } };
    const stored = isEmpty ? {} : { events: [event], snapshot: event };
    stream.send({
      message: { case: "reply", value: { commandId, clientAction: { action }, ...stored } },
    } as StreamOut);
  },
};

/** The only value of a metric with these labels. */
function valueOf(
  families: ReadonlyMap<string, ReadFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const samples = [...families.values()].flatMap((family) => family.samples);
  return samples.find(
    (sample) =>
      sample.name === `perdure_${name}` &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )?.value;
}

test("commands, their entity, the log and the requests are counted, and no label has an entity id", async (t) => {
  const { proxy, grpc, http } = await startWorld(t, COUNTER);
  await grpc.callBytes(ADD, counterRequest(ID, 1));
  await grpc.callBytes(ADD, counterRequest(ID, 2));
  await t.throwsAsync(grpc.callBytes(ADD, counterRequest(ID)), { message: /nothing to add/ });
  await http.call("/nowhere");
  const { body } = await ask(proxy.adminPort);
  t.false(body.includes(ID));
  const families = readPrometheus(body);
  const counter = { kind: "event-sourced", type: "counter" };
  const bytes = counterRequest(ID, 1).length;
  const wanted = {
    commands_received_total: 3,
    commands_completed_total: 2,
    commands_failed_total: 1,
    // The first one waits until its entity is in memory.
    commands_queued_total: 1,
    commands_dequeued_total: 1,
    command_seconds_count: 3,
    command_queue_seconds_count: 1,
    command_processing_seconds_count: 3,
    command_append_seconds_count: 2,
    entities_activated_total: 1,
    entities_passivated_total: 0,
    entities_failed_total: 0,
    entity_activation_seconds_count: 1,
    stored_events_total: 2,
    stored_event_bytes_total: 2 * bytes,
    loaded_events_total: 0,
    stored_snapshots_total: 2,
    stored_snapshot_bytes_total: 2 * bytes,
  };
  for (const [name, value] of Object.entries(wanted)) t.is(valueOf(families, name, counter), value, name);
  t.is(valueOf(families, "entities_in_memory"), 1);
  t.is(valueOf(families, "log_operation_seconds_count", { operation: "append" }), 2);
  t.is(valueOf(families, "requests_total", { protocol: "grpc", status: "OK" }), 2);
  t.is(valueOf(families, "requests_total", { protocol: "http", status: "404" }), 1);
  t.is(valueOf(families, "request_seconds_count", { protocol: "grpc" }), 3);
  t.true((valueOf(families, "connections") ?? 0) >= 2);
  t.deepEqual(
    PROXY_METRIC_GROUPS.flatMap(({ metrics }) => Object.values(metrics))
      .map((metric) => sampleName(metric))
      .filter((name) => !families.has(name)),
    // Nothing has failed, it is alone, traces are off, and it is measured from the first question on.
    [
      "perdure_log_failures_total",
      ...Object.values(CLUSTER_METRICS).map((metric) => sampleName(metric)),
      ...SPANS,
      "perdure_event_loop_delay_seconds",
    ],
  );
});

test("an entity that comes back loads what was stored", async (t) => {
  const { proxy, grpc } = await startWorld(t, COUNTER, { PERDURE_PASSIVATION_TIMEOUT_MS: "1" });
  await grpc.callBytes(ADD, counterRequest(ID, 1));
  const read = async () => readPrometheus((await ask(proxy.adminPort)).body);
  await until("the entity has left", async () => valueOf(await read(), "entities_in_memory") === 0);
  await grpc.callBytes(ADD, counterRequest(ID, 2));
  const families = await read();
  t.is(valueOf(families, "entities_activated_total"), 2);
  t.true((valueOf(families, "entities_passivated_total") ?? 0) >= 1);
  t.is(valueOf(families, "loaded_snapshots_total"), 1);
  t.true((valueOf(families, "entity_active_seconds_count") ?? 0) >= 1);
});

test("commands to actions are counted under the name of their service", async (t) => {
  const script: Script = {
    spec: talksSpec(),
    onAction: (call) => void call.send(lineReply("hello")),
  };
  const { proxy, grpc } = await startWorld(t, script);
  await grpc.callBytes(`/${TALKS_SERVICE}/Say`, new Uint8Array());
  const families = readPrometheus((await ask(proxy.adminPort)).body);
  const talks = { kind: "action", type: TALKS_SERVICE };
  t.is(valueOf(families, "commands_received_total", talks), 1);
  t.is(valueOf(families, "commands_completed_total", talks), 1);
  t.is(valueOf(families, "command_seconds_count", talks), 1);
});

test("a sampled trace of a command is the example of its durations", async (t) => {
  const context: TraceContext = { traceId: "c".repeat(32), spanId: "d".repeat(16), isSampled: true };
  const tracer: Tracer = { start: () => ({ context, set: () => undefined, end: () => undefined }) };
  const { proxy, grpc } = await startWorld(t, COUNTER, {}, { tracer });
  await grpc.callBytes(ADD, counterRequest(ID, 1));
  const { body } = await ask(proxy.adminPort, { accept: OPEN_METRICS });
  const families = readOpenMetrics(body);
  for (const name of [
    "request",
    "command",
    "command_queue",
    "command_processing",
    "command_append",
    "log_operation",
  ]) {
    const samples = families.get(`perdure_${name}_seconds`)?.samples ?? [];
    const exemplars = samples.flatMap(({ exemplar }) => (exemplar === undefined ? [] : [exemplar.labels]));
    // The entity is read before its record is appended.
    const times = name === "log_operation" ? 2 : 1;
    const labels = { trace_id: context.traceId, span_id: context.spanId };
    t.deepEqual(
      exemplars,
      Array.from({ length: times }, () => labels),
      name,
    );
  }
});

test("/metrics is in the format that the caller asks for", async (t) => {
  const { proxy } = await startLocalProxy(t, NO_PORT);
  const plain = await ask(proxy.adminPort);
  t.like(plain, { status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8" });
  const [memory] = readPrometheus(plain.body).get("perdure_process_resident_memory_bytes")?.samples ?? [];
  t.true((memory?.value ?? 0) > 1e7);
  const open = await ask(proxy.adminPort, { accept: OPEN_METRICS });
  t.like(open, { status: 200, contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8" });
  const families = readOpenMetrics(open.body);
  t.is(families.get("perdure_account_taken_bytes")?.samples.length, 4);
  // It is measured from the first question on.
  t.is(families.get("perdure_event_loop_delay_seconds")?.samples.length, 3);
  t.is((await ask(proxy.adminPort, {}, "HEAD")).body, "");
});

test("/metrics is for programs on the loopback interface, or for all but web pages, or for nobody", async (t) => {
  const local = await startLocalProxy(t, NO_PORT);
  const page = await ask(local.proxy.adminPort, { origin: "https://elsewhere.example" });
  t.like(page, { status: 403, errorCode: "ADMIN_PAGE_NOT_ALLOWED" });
  const pod = await startLocalProxy(t, NO_PORT, { PERDURE_METRICS: "pod" });
  t.is((await ask(pod.proxy.adminPort, { host: "10.0.0.1:9010" })).status, 200);
  const named = await ask(pod.proxy.adminPort, { host: "page.example" });
  t.like(named, { status: 403, errorCode: "ADMIN_HOST_NOT_ALLOWED" });
  const off = await startLocalProxy(t, NO_PORT, { PERDURE_METRICS: "off" });
  t.like(await ask(off.proxy.adminPort), { status: 404, errorCode: "ADMIN_UNKNOWN_PATH" });
});

test("promtool finds nothing wrong", async (t) => {
  t.timeout(180_000, "it is downloaded once");
  const promtool = await findPromtool();
  if (promtool.kind === "missing") {
    console.log(`promtool skipped: ${promtool.reason}`);
    t.pass();
    return;
  }
  const { proxy, grpc } = await startWorld(t, COUNTER);
  await grpc.callBytes(ADD, counterRequest(ID, 1));
  t.is(await promtoolProblems(promtool.path, (await ask(proxy.adminPort)).body), "");
  t.not(await promtoolProblems(promtool.path, "# TYPE a counter\na 1\n"), "", "it works");
});

test("each metric is declared once", (t) => {
  const names = PROXY_METRIC_GROUPS.flatMap(({ metrics }) => Object.values(metrics)).map(({ name }) => name);
  t.is(new Set(names).size, names.length);
});
