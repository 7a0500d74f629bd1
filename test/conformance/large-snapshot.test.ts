// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import type { DescFile } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import test from "ava";

import { freePort, systemClock, systemRandom } from "../../pkg/base/mod.ts";
import { ManualClock, seededRandom } from "../../pkg/base/test-doubles/mod.ts";
import { callerlessCall } from "../../pkg/call/mod.ts";
import {
  CALLERS_LINEAGE,
  DEFAULT_ENTITY_OPTIONS,
  ENTITY_KINDS,
  EntityRuntime,
} from "../../pkg/entity/mod.ts";
import { openMemoryLog } from "../../pkg/eventlog/mod.ts";
import type { Connection } from "../../pkg/grpc/mod.ts";
import { connect } from "../../pkg/grpc/mod.ts";
import { EntitySpecSchema, EventSourced } from "../../pkg/protocol/mod.ts";
import { NO_TELEMETRY } from "../../pkg/telemetry/mod.ts";
import type { EntityMethod } from "../../pkg/userfunction/mod.ts";
import { isEntityMethod, validateSpec } from "../../pkg/userfunction/mod.ts";

import { descriptorSet } from "../lib/counter.ts";
import { goDependency } from "../lib/go-tool.ts";
import { guardProcess } from "../lib/nats/guard.ts";
import { plenty } from "../lib/plenty.ts";
import type { TestScope } from "../lib/processes.ts";
import { roomyStreams } from "../lib/roomy-streams.ts";
import { until } from "../lib/until.ts";
import {
  EventSourcedTckModel,
  file_cloudstate_tck_model_eventsourced,
  RequestSchema,
  ResponseSchema,
} from "./gen/cloudstate/tck/model/eventsourced_pb.ts";

const MODEL = {
  folder: join(import.meta.dirname, "go-sdk"),
  package: "github.com/cloudstateio/go-support/tck/cmd/tck_eventsourced",
};

/**
 * Five of these exceed grpc-go's message limit of 4 MiB when they come back in a snapshot. The model makes a snapshot
 * every five events.
 */
const MIB = "x".repeat(1_048_576);

test("Cloudstate's SDK for Go does not take a snapshot of 5 MiB back, and its entity is served all the same", async (t) => {
  t.timeout(700_000, "building it for the first time takes a minute");
  const built = await goDependency(MODEL);
  t.timeout(120_000);
  if (built.kind === "missing") {
    console.log(`the SDK for Go skipped: ${built.reason}`);
    t.pass();
    return;
  }
  const streams = await startGoModel(t, built.path);
  const clock = new ManualClock();
  const log = openMemoryLog();
  const reports: string[] = [];
  const runtime = new EntityRuntime({
    log,
    streams: roomyStreams(streams),
    clock,
    random: seededRandom(1),
    telemetry: NO_TELEMETRY,
    options: DEFAULT_ENTITY_OPTIONS,
    activationMemory: plenty(),
    reportError: (message) => reports.push(message),
    carryOut: () => undefined,
  });
  const method = processMethod();
  const emit = async (value: string): Promise<string> => {
    const request = create(RequestSchema, {
      id: "a",
      actions: [{ action: { case: "emit", value: { value } } }],
    });
    const outcome = await runtime.dispatch({
      method,
      entityId: "a",
      shard: 0,
      payload: toBinary(RequestSchema, request),
      lineage: CALLERS_LINEAGE,
      call: callerlessCall(plenty().charge()),
    });
    return outcome.kind === "reply" ? fromBinary(ResponseSchema, outcome.payload).message : outcome.kind;
  };

  for (let count = 0; count < 5; count++) await emit(MIB);
  t.true(((await log.read({ type: "model", id: "a" })).snapshot?.bytes.length ?? 0) > 5 * MIB.length);
  for (const expected of ["y", "yz"]) {
    clock.advance(DEFAULT_ENTITY_OPTIONS.passivationTimeoutMs);
    await until("the entity has left", () => runtime.active === 0);
    const answer = await emit(expected.slice(-1));
    t.is(answer.length, 5 * MIB.length + expected.length);
    t.true(answer.endsWith(`x${expected}`));
  }
  t.is(reports.length, 1, reports.join("\n"));
  t.regex(
    reports[0] ?? "",
    /does not take its snapshot of 5242\d+ bytes \(.*RESOURCE_EXHAUSTED: grpc: received message larger than max/,
  );
});

/** The model services on Cloudstate's SDK for Go, v0.3.0, in a process of their own. */
async function startGoModel(scope: TestScope, program: string): Promise<Connection> {
  const port = await freePort("127.0.0.1", systemRandom);
  const child = spawn(program, { env: { HOST: "127.0.0.1", PORT: String(port) }, stdio: "ignore" });
  const exited = once(child, "exit");
  const guard = guardProcess(child.pid ?? 0);
  let connection: Connection | undefined;
  scope.teardown(async () => {
    connection?.destroy();
    child.kill("SIGKILL");
    await exited;
    guard.release();
  });
  await until("the model listens", async () => {
    connection = await connect({ host: "127.0.0.1", port, clock: systemClock }).catch(() => undefined);
    return connection !== undefined;
  });
  if (connection === undefined) throw new Error("it does not listen");
  return connection;
}

/** `Process` of the model, which has other services too. */
function processMethod(): EntityMethod {
  const spec = create(EntitySpecSchema, {
    proto: descriptorSet([...withImports(file_cloudstate_tck_model_eventsourced)]),
    entities: [
      {
        serviceName: EventSourcedTckModel.typeName,
        entityType: EventSourced.typeName,
        persistenceId: "model",
      },
    ],
  });
  const validation = validateSpec(spec, ENTITY_KINDS);
  if (!validation.ok) throw new Error(validation.errors.join());
  const method = validation.spec.services.get(EventSourcedTckModel.typeName)?.methods.get("Process");
  if (method === undefined || !isEntityMethod(method)) throw new Error("no such method");
  return method;
}

function withImports({ proto, dependencies }: DescFile): Set<FileDescriptorProto> {
  return new Set([proto, ...dependencies.flatMap((file) => [...withImports(file)])]);
}
