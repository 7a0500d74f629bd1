// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import type { ExecutionContext } from "ava";

import { shardOf, systemClock } from "../../base/mod.ts";
import { ManualClock, seededRandom } from "../../base/test-doubles/mod.ts";
import type { EventLog } from "../../eventlog/mod.ts";
import { openMemoryLog } from "../../eventlog/mod.ts";
import { connect } from "../../grpc/mod.ts";
import type { EventSourcedStreamIn } from "../../protocol/mod.ts";
import { EventSourced, messageTypeUrl, NO_METADATA, ValueEntity } from "../../protocol/mod.ts";
import { ORIGIN, readCommit } from "../../record/mod.ts";
import type { TraceContext, Tracer } from "../../telemetry/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";
import type { EntityService } from "../../userfunction/mod.ts";
import { isEntityService, validateSpec } from "../../userfunction/mod.ts";

import { COUNTER_REQUEST, COUNTER_SERVICE, counterRequest, counterSpec } from "../../../test/lib/counter.ts";
import { plenty } from "../../../test/lib/plenty.ts";
import { roomyStreams } from "../../../test/lib/roomy-streams.ts";
import type { ScriptedStream } from "../../../test/lib/scripted-entity.ts";
import type { Script, StreamOut } from "../../../test/lib/scripted-user-function.ts";
import { startScriptedUserFunction } from "../../../test/lib/scripted-user-function.ts";
import { ServiceInfoSchema } from "../../protocol/gen/cloudstate/entity_pb.ts";
import type { Lineage } from "../lineage.ts";
import { CALLERS_LINEAGE } from "../lineage.ts";
import type { Outcome, SideEffect } from "../outcome.ts";
import type { EntityOptions } from "../settings.ts";
import { DEFAULT_ENTITY_OPTIONS } from "../settings.ts";
import type { SlowestCommands } from "../slowest-commands.ts";
import type { FirstShards } from "../stateful/context.ts";
import { ENTITY_KINDS, EntityRuntime } from "../stateful/entity-runtime.ts";

export const ADD = "Add";
export const KEY = { type: "counter", id: "a" };

interface World {
  /** The counter, as the user function announces it. */
  readonly service: EntityService;
  readonly runtime: EntityRuntime;
  readonly log: EventLog;
  readonly clock: ManualClock;
  readonly streams: readonly ScriptedStream[];
  readonly reports: string[];
  /** The side effects that were carried out again, and the entity that they belong to. */
  readonly again: { readonly of: string; readonly effects: readonly SideEffect[] }[];
  /** Sends a command. Resolves with the text of the reply. */
  send(id: string, amount?: number, more?: SendOptions): Promise<string>;
  ask(id: string, amount?: number, more?: SendOptions): Promise<Outcome>;
  killUserFunction(): void;
}

interface SendOptions {
  readonly deadlineMs?: number;
  readonly onCancel?: (listener: () => void) => void;
  /** An idempotency key. */
  readonly key?: string;
  /** A name of a method; `Add` if not given. */
  readonly method?: string;
  /** A caller's own if not given. */
  readonly lineage?: Lineage;
  readonly trace?: TraceContext;
}

interface WorldOptions {
  /** The script of a value entity, in place of an event sourced one. */
  readonly onValueMessage?: Script["onValueMessage"];
  readonly options?: Partial<EntityOptions>;
  /** What the user function announces beyond Cloudstate's protocol. */
  readonly extensions?: string[];
  /** The snapshot version that the user function's code declares. */
  readonly snapshotVersion?: string;
  readonly log?: (log: EventLog) => EventLog;
  readonly tracer?: Tracer;
  readonly slowest?: SlowestCommands;
  readonly firstShards?: FirstShards;
}

/** Starts a runtime with a real log, and a user function over real gRPC. Only the clock is the test's. */
export async function world(
  t: ExecutionContext,
  onMessage: Script["onMessage"],
  setup: WorldOptions = {},
): Promise<World> {
  const { onValueMessage, snapshotVersion } = setup;
  const entityType = onValueMessage === undefined ? EventSourced.typeName : ValueEntity.typeName;
  const service = counterService(entityType, setup.extensions, snapshotVersion);
  const userFunction = await startScriptedUserFunction({
    spec: counterSpec(),
    ...(onMessage !== undefined && { onMessage }),
    ...(onValueMessage !== undefined && { onValueMessage }),
  });
  const connection = await connect({ host: "127.0.0.1", port: userFunction.port, clock: systemClock });
  const clock = new ManualClock(1_000);
  const memory = openMemoryLog();
  const log = setup.log?.(memory) ?? memory;
  const reports: string[] = [];
  const again: World["again"] = [];
  const runtime = new EntityRuntime({
    log,
    streams: roomyStreams(connection),
    clock,
    random: seededRandom(1),
    telemetry: { ...NO_TELEMETRY, ...(setup.tracer && { tracer: setup.tracer }) },
    options: { ...DEFAULT_ENTITY_OPTIONS, ...setup.options },
    activationMemory: plenty(),
    reportError: (message) => reports.push(message),
    carryOut: (effects, of) => {
      again.push({ of, effects });
    },
    slowest: setup.slowest,
    firstShards: setup.firstShards,
  });
  t.teardown(async () => {
    connection.destroy();
    userFunction.kill();
    await log.close();
  });

  const { streams } = userFunction;
  return {
    service,
    runtime,
    log,
    clock,
    streams,
    reports,
    again,
    ...callsOf(runtime, service.methods),
    killUserFunction: () => userFunction.kill(),
  };
}

function callsOf(runtime: EntityRuntime, methods: EntityService["methods"]): Pick<World, "ask" | "send"> {
  const ask: World["ask"] = async (
    id,
    amount = 0,
    {
      deadlineMs,
      onCancel = () => undefined,
      key: idempotencyKey,
      method: name = ADD,
      lineage = CALLERS_LINEAGE,
      trace,
    } = {},
  ) => {
    const method = methods.get(name);
    if (method === undefined) throw new Error("no such method");
    const payload = counterRequest(id, amount);
    return runtime.dispatch({
      method,
      entityId: id,
      shard: shardOf(method.service.persistenceId, id),
      payload,
      lineage,
      call: { metadata: NO_METADATA, idempotencyKey, deadlineMs, onCancel, bytes: plenty().charge(), trace },
    });
  };
  const send: World["send"] = async (...parameters) => {
    const outcome = await ask(...parameters);
    if (outcome.kind !== "reply") throw new Error(`not a reply but a ${outcome.kind}`);
    return Buffer.from(outcome.payload).toString();
  };
  return { ask, send };
}

/** The counter as a service of this kind of entities. */
export function counterService(
  entityType: string,
  extensions: string[] = [],
  snapshotVersion = "",
): EntityService {
  const spec = counterSpec();
  const entities = spec.entities.map((entity) => ({ ...entity, entityType, snapshotVersion }));
  const serviceInfo = create(ServiceInfoSchema, { extensions });
  const validation = validateSpec({ ...spec, entities, serviceInfo }, ENTITY_KINDS);
  if (!validation.ok) throw new Error(validation.errors.join());
  const service = validation.spec.services.get(COUNTER_SERVICE);
  if (service === undefined || !isEntityService(service)) throw new Error("no service");
  return service;
}

export function any(text: string): Any {
  return create(AnySchema, { typeUrl: messageTypeUrl(COUNTER_REQUEST), value: Buffer.from(text) });
}

export interface ReplyParts {
  readonly text?: string;
  readonly events?: readonly string[];
  readonly snapshot?: string;
  readonly fail?: string;
  readonly restart?: boolean;
  /** The gRPC status of the failure, as the extension sends it. */
  readonly status?: number;
  /** Names of the targets' commands. */
  readonly effects?: readonly string[];
  readonly forward?: string;
}

export function reply(
  commandId: bigint,
  {
    text = "ok",
    events = [],
    snapshot,
    fail,
    restart = false,
    status = 0,
    effects = [],
    forward,
  }: ReplyParts = {},
): StreamOut {
  const call = (commandName: string) => ({ serviceName: COUNTER_SERVICE, commandName, payload: any("x") });
  const action =
    fail !== undefined
      ? { case: "failure" as const, value: { commandId, description: fail, restart, grpcStatus: status } }
      : forward !== undefined
        ? { case: "forward" as const, value: call(forward) }
        : { case: "reply" as const, value: { payload: any(text) } };
  return {
    message: {
      case: "reply",
      value: {
        commandId,
        clientAction: { action },
        events: events.map(any),
        sideEffects: effects.map(call),
        ...(snapshot !== undefined && { snapshot: any(snapshot) }),
      },
    },
  };
}

/** Answers each command with what `parts` returns for it. */
export function answering(
  parts: (commandId: bigint, stream: ScriptedStream) => ReplyParts | undefined,
): Script["onMessage"] {
  return (message, stream) => {
    if (message.message.case !== "command") return;
    const { id } = message.message.value;
    const said = parts(id, stream);
    if (said !== undefined) stream.send(reply(id, said));
  };
}

/** What a stream received, in short: `init`, `init+2:state`, `event 1:x`, `command 1`. */
export function told({ received }: ScriptedStream): string[] {
  return received.map(({ message }: EventSourcedStreamIn) => {
    switch (message.case) {
      case "init": {
        const { snapshot } = message.value;
        if (snapshot === undefined) return "init";
        return `init+${snapshot.snapshotSequence}:${Buffer.from(snapshot.snapshot?.value ?? []).toString()}`;
      }
      case "event":
        return `event ${message.value.sequence}:${Buffer.from(message.value.payload?.value ?? []).toString()}`;
      case "command":
        return `command ${message.value.id}`;
      case undefined:
        return "nothing";
    }
  });
}

/** The events that the log holds of an entity, checked as a replay would check them. */
export async function stored(log: EventLog, key = KEY): Promise<string[]> {
  const page = await log.read(key);
  let cursor = ORIGIN;
  const events: string[] = [];
  for (const record of page.records) {
    const read = readCommit(cursor, record);
    cursor = read.cursor;
    events.push(...read.commit.events.map((event) => Buffer.from(event.value).toString()));
  }
  return events;
}

/** The log's methods, free of `this`, so that a test can replace one. */
export function bound(log: EventLog): EventLog {
  return {
    durability: log.durability,
    partitions: log.partitions,
    health: log.health,
    partitionOf: (entity) => log.partitionOf(entity),
    locate: (entity, position) => log.locate(entity, position),
    pack: (entity) => log.pack(entity),
    read: (...parameters) => log.read(...parameters),
    append: (...parameters) => log.append(...parameters),
    readLast: (...parameters) => log.readLast(...parameters),
    replace: (...parameters) => log.replace(...parameters),
    saveSnapshot: (...parameters) => log.saveSnapshot(...parameters),
    snapshots: (type) => log.snapshots(type),
    dropSnapshot: (entity) => log.dropSnapshot(entity),
    tail: (...parameters) => log.tail(...parameters),
    list: (...parameters) => log.list(...parameters),
    lastPosition: (...parameters) => log.lastPosition(...parameters),
    readCheckpoint: (name) => log.readCheckpoint(name),
    saveCheckpoint: (...parameters) => log.saveCheckpoint(...parameters),
    close: () => log.close(),
  };
}
