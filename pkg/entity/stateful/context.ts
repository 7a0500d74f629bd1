// SPDX-License-Identifier: Apache-2.0

import type {
  Account,
  Clock,
  ExpiryList,
  ExpiryPlace,
  ExpiryQueue,
  Logger,
  Random,
  Semaphore,
} from "../../base/mod.ts";
import type { EventLog } from "../../eventlog/mod.ts";
import type { ClientStream } from "../../grpc/mod.ts";
import type { Change } from "../../record/mod.ts";
import type { EntityService, StreamOpener } from "../../userfunction/mod.ts";

import type { EntityCommand } from "../command.ts";
import type { EffectBook } from "../effects/entity-effects.ts";
import type { EntityOptions } from "../options.ts";
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
  /** Its place among the idle entities. */
  readonly idle: ExpiryPlace<ActiveEntity>;
  passivate(): void;
  relayTimedOut(): void;
  markEffects(): void;
}

/** Called after the record of a command was stored. `change` is undefined if the record changes no state. */
export type StoredListener = (command: EntityCommand, change: Change | undefined) => void;

/** What all entities of one proxy share, and the callbacks that they call when something happens to them. */
export interface EntityContext {
  readonly log: EventLog;
  readonly streams: StreamOpener;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly options: EntityOptions;
  readonly activations: Semaphore;
  /** The memory for the histories that activations read, in bytes. */
  readonly activationMemory: Account;
  readonly packer: Packer;
  readonly snapshots: SnapshotUse;
  readonly effects: EffectBook;
  /**
   * An entity awaits this promise before it stores a record with side effects of a type; undefined: it may store at
   * once (`EffectSweep.announce`).
   */
  readonly announceEffects: (type: string) => Promise<void> | undefined;
  /**
   * Entities with side effects that are done, though no record says so; after `effectMarkDelayMs` they store a
   * record.
   */
  readonly marks: ExpiryQueue<ActiveEntity>;
  /** Entities with a command that the user function has not answered yet. */
  readonly relayTimeouts: ExpiryList<ActiveEntity>;
  /** Tells the user function what it did wrong. */
  readonly reportError: (message: string) => void;
  /** Undefined: no listener, at no cost. */
  readonly onStored?: StoredListener | undefined;

  readonly onIdle: (entity: ActiveEntity) => void;
  readonly onBusy: (entity: ActiveEntity) => void;
  readonly onGone: (entity: ActiveEntity) => void;

  /** Gives the user function a bounded time to end a stream that the proxy has ended. */
  readonly retire: (stream: ClientStream) => void;
  /** The stream has ended. */
  readonly retired: (stream: ClientStream) => void;
}
