// SPDX-License-Identifier: Apache-2.0

import type { FirstShards } from "../../entity/mod.ts";
import { EffectQueue, EntityRuntime } from "../../entity/mod.ts";
import type { EventLog } from "../../eventlog/mod.ts";

import type { PartState } from "../admin/report.ts";
import type { RequestRecords } from "../request-records.ts";
import type { Part } from "./part.ts";
import type { Shared } from "./shared.ts";
import { shownName, shownTrace } from "./shown.ts";
import type { UserFunctionPart } from "./user-function-part.ts";

export interface EntitiesPart extends Part {
  readonly entities: EntityRuntime;
  /** Stored side effects that entities want to be carried out again. */
  readonly undone: EffectQueue;
}

/** The entities in memory, of all kinds. */
export function entitiesPart(
  { options, clock, random, telemetry, startTrace, memory, slowest, patiently }: Shared,
  log: EventLog,
  { userFunction, streams, makeRoomBy }: UserFunctionPart,
  records: RequestRecords | undefined,
  firstShards: FirstShards,
): EntitiesPart {
  const undone = new EffectQueue();
  const entities = new EntityRuntime({
    log,
    streams,
    clock,
    random,
    telemetry,
    options,
    activationMemory: memory.activations,
    reportError: (message) => userFunction.reportError(message),
    carryOut: undone.put,
    onStored: records?.stored,
    slowest,
    startTrace,
    firstShards,
  });
  makeRoomBy(() => entities.makeRoom());
  return {
    name: "entities",
    entities,
    undone,
    drain: () => entities.passivateAll(),
    resume: () => entities.resume(),
    stop: () => patiently(entities.stop()),
    inspect: () => inspectEntities(entities, options),
  };
}

function inspectEntities(
  entities: EntityRuntime,
  { maxActiveEntities, maxEntityBytes }: Pick<Shared["options"], "maxActiveEntities" | "maxEntityBytes">,
): PartState {
  const { types, busiest, bytes, activations, packs } = entities.report();
  return {
    inMemory: entities.active,
    maxInMemory: maxActiveEntities,
    bytes,
    maxBytes: maxEntityBytes,
    activations: { ...activations },
    packs: { ...packs },
    types: types.map(({ states, longestMs, ...type }) => ({
      ...type,
      longestMs: Math.round(longestMs),
      ...states,
    })),
    busiest: busiest.map(({ type, id, longestMs, trace, ...rest }) => ({
      entity: shownName(`${type}/${id}`),
      ...rest,
      longestMs: Math.round(longestMs),
      ...shownTrace(trace),
    })),
  };
}
