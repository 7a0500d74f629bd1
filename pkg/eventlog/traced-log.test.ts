// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { memoryTracer } from "../../test/lib/memory-tracer.ts";
import { NO_POSITION } from "./event-log.ts";
import { openMemoryLog } from "./memory.ts";
import { tracedLog } from "./traced-log.ts";

const KEY = { type: "counter", id: "a" };
const RECORD = Buffer.from("abc");

test("each operation is a span, which says the type of the entity and the bytes that it stores", async (t) => {
  const tracer = memoryTracer();
  const log = tracedLog(openMemoryLog(), tracer);
  const first = await log.append(KEY, NO_POSITION, RECORD);
  await log.replace(KEY, first, RECORD);
  await log.read(KEY);
  await log.readLast(KEY);
  const type = { "perdure.entity.type": "counter" };
  const bytes = { ...type, "perdure.bytes": 3 };
  t.deepEqual(
    tracer.spans.map(({ path, attributes }) => [path, attributes]),
    [
      ["append", bytes],
      ["replace", bytes],
      ["read", type],
      ["read last", type],
    ],
  );
});

test("where records are messages of NATS, spans say so in OpenTelemetry's terms", async (t) => {
  const tracer = memoryTracer();
  const log = tracedLog(openMemoryLog(), tracer, true);
  await log.append(KEY, NO_POSITION, RECORD);
  await log.read(KEY);
  const common = {
    "perdure.entity.type": "counter",
    "messaging.system.name": "nats",
    "messaging.destination.partition.id": "0",
  };
  t.deepEqual(
    tracer.spans.map(({ attributes }) => attributes),
    [
      {
        ...common,
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.message.body.size": 3,
      },
      { ...common, "messaging.operation.name": "fetch", "messaging.operation.type": "receive" },
    ],
  );
});

test("a span ends with the error of the log", async (t) => {
  const tracer = memoryTracer();
  const log = tracedLog(openMemoryLog(), tracer);
  await t.throwsAsync(log.append(KEY, 5, RECORD), { code: "APPEND_CONFLICT" });
  t.like(tracer.spans[0], { path: "append", error: { code: "APPEND_CONFLICT" } });
});
