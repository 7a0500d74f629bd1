// SPDX-License-Identifier: Apache-2.0

import { EffectQueue, EntityRuntime } from "../../entity/mod.ts";
import type { EventLog } from "../../eventlog/mod.ts";

import type { RequestRecords } from "../request-records.ts";
import type { Part } from "./part.ts";
import type { Patience, Shared } from "./shared.ts";
import type { UserFunctionPart } from "./user-function-part.ts";

export interface EntitiesPart extends Part {
  readonly entities: EntityRuntime;
  /** Stored side effects that entities want to be carried out again. */
  readonly undone: EffectQueue;
}

/** The entities in memory, of all kinds. */
export function entitiesPart(
  shared: Shared,
  log: EventLog,
  { userFunction, streams, makeRoomBy }: UserFunctionPart,
  records: RequestRecords | undefined,
  patiently: Patience,
): EntitiesPart {
  const { options, clock, random, telemetry, memory } = shared;
  const undone = new EffectQueue();
  const entities = new EntityRuntime({
    log,
    streams,
    clock,
    random,
    logger: telemetry.logger,
    options,
    activationMemory: memory.activations,
    reportError: (message) => userFunction.reportError(message),
    carryOut: undone.put,
    onStored: records?.stored,
  });
  makeRoomBy(() => entities.makeRoom());
  return {
    name: "entities",
    entities,
    undone,
    drain: () => entities.passivateAll(),
    resume: () => entities.resume(),
    stop: () => patiently(entities.stop()),
    inspect: () => ({ inMemory: entities.active }),
  };
}
