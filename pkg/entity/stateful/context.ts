// SPDX-License-Identifier: Apache-2.0

import type {
  Account,
  Clock,
  ExpiryList,
  ExpiryPlace,
  ExpiryQueue,
  Random,
  Semaphore,
} from "../../base/mod.ts";
import type { EventLog } from "../../eventlog/mod.ts";
import type { ClientStream } from "../../grpc/mod.ts";
import type { Change } from "../../record/mod.ts";
import type { Telemetry, TraceContext } from "../../telemetry/mod.ts";
import type { EntityService, StreamOpener } from "../../userfunction/mod.ts";

import type { EntityCommand } from "../command.ts";
import type { CarryOut } from "../effects/effect-queue.ts";
import type { EffectBook } from "../effects/entity-effects.ts";
import type { EntityInstruments } from "../instruments.ts";
import type { EntityOptions } from "../settings.ts";
import type { SlowestCommands } from "../slowest-commands.ts";
import type { Packer } from "./packer.ts";
import type { SnapshotUse } from "./snapshot-use.ts";

/** Which entity of a service it is, and the shard to which it belongs. */
export interface EntityPlace {
  readonly id: string;
  readonly shard: number;
}

/** An entity in memory, as the runtime sees it. */
export interface ActiveEntity extends EntityPlace {
  readonly service: EntityService;
  readonly idle: ExpiryPlace<ActiveEntity>;
  passivate(): void;
  relayTimedOut(): void;
  markEffects(): void;
}

/** Which shards a proxy has before it takes any: alone it has all. */
export type FirstShards = "all" | "none";

/** Called after the record of a command was stored. `change` is undefined if the record changes no state. */
export type StoredListener = (command: EntityCommand, change: Change | undefined) => void;

export interface EntityRuntimeDependencies {
  readonly log: EventLog;
  readonly streams: StreamOpener;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly options: EntityOptions;
  /** The memory for the histories that activations read, in bytes. */
  readonly activationMemory: Account;
  /** Tells the user function what it did wrong. */
  readonly reportError: (message: string) => void;
  /** Carries out stored side effects again. */
  readonly carryOut: CarryOut;
  /** Undefined: no listener, at no cost. */
  readonly onStored?: StoredListener | undefined;
  /** Is told of the slow ones among the commands. Undefined: nobody is, at no cost. */
  readonly slowest?: SlowestCommands | undefined;
  /** Undefined: all. */
  readonly firstShards?: FirstShards | undefined;
  /** The span of the proxy's start; undefined: nobody traces. */
  readonly startTrace?: TraceContext | undefined;
}

/** What all entities of one proxy share, and the callbacks that they call when something happens to them. */
export interface EntityContext extends EntityRuntimeDependencies {
  /** The instruments of the entities of a service. */
  readonly instruments: (service: EntityService) => EntityInstruments;
  readonly activations: Semaphore;
  /** Gives the span of the proxy's start to the first activation, and to no other. */
  readonly takeStartTrace: () => TraceContext | undefined;
  readonly packer: Packer;
  readonly snapshots: SnapshotUse;
  readonly effects: EffectBook;
  /** `EffectSweep.announce`. */
  readonly announceEffects: (type: string) => Promise<void> | undefined;
  /** Entities with side effects that are done, though no record says so; they store one after `effectMarkDelayMs`. */
  readonly marks: ExpiryQueue<ActiveEntity>;
  /** Entities with a command that the user function has not answered yet. */
  readonly relayTimeouts: ExpiryList<ActiveEntity>;

  readonly onIdle: (entity: ActiveEntity) => void;
  readonly onBusy: (entity: ActiveEntity) => void;
  readonly onGone: (entity: ActiveEntity) => void;

  /** Gives the user function a bounded time to end a stream that the proxy has ended. */
  readonly retire: (stream: ClientStream) => void;
  /** The stream has ended. */
  readonly retired: (stream: ClientStream) => void;
}
