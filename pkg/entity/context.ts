// SPDX-License-Identifier: Apache-2.0

import type { Account, Clock, ExpiryQueue, Logger, Random, Semaphore } from "../base/mod.ts";
import type { EventLog } from "../eventlog/mod.ts";
import type { ClientStream } from "../grpc/mod.ts";
import type { EntityService, StreamOpener } from "../userfunction/mod.ts";

import type { EntityCommand } from "./command.ts";
import type { EffectBook } from "./entity-effects.ts";
import type { Change } from "./history.ts";
import type { EntityOptions } from "./options.ts";
import type { Packer } from "./packer.ts";
import type { SnapshotUse } from "./snapshot-use.ts";

/** An entity in memory, as the runtime sees it. */
export interface ActiveEntity {
  readonly service: EntityService;
  readonly id: string;
  passivate(): void;
  relayTimedOut(): void;
  markEffects(): void;
}

/** Hears of what a command has stored; undefined: it was no change. */
export type StoredListener = (command: EntityCommand, change: Change | undefined) => void;

/** What the entities of one proxy share, and whom they tell what happens to them. */
export interface EntityContext {
  readonly log: EventLog;
  readonly streams: StreamOpener;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly options: EntityOptions;
  readonly activations: Semaphore;
  /** The memory for histories that are read, in bytes. */
  readonly activationMemory: Account;
  readonly packer: Packer;
  readonly snapshots: SnapshotUse;
  readonly effects: EffectBook;
  /** Has to be waited for before the first record with side effects of a type is stored; undefined: nothing to wait for. */
  readonly announceEffects: (type: string) => Promise<void> | undefined;
  /** Entities that have something to tell the log of their side effects, from when they have been idle for a while. */
  readonly marks: ExpiryQueue<ActiveEntity>;
  /** Entities whose user function owes an answer. */
  readonly relayTimeouts: ExpiryQueue<ActiveEntity>;
  /** Tells the user function what it did wrong. */
  readonly reportError: (message: string) => void;
  /** Without it nobody hears, which costs nothing. */
  readonly onStored?: StoredListener | undefined;

  readonly onIdle: (entity: ActiveEntity) => void;
  readonly onBusy: (entity: ActiveEntity) => void;
  readonly onGone: (entity: ActiveEntity) => void;

  /** Gives the user function a bounded time to end a stream that the proxy has ended. */
  readonly retire: (stream: ClientStream) => void;
  /** The stream has ended. */
  readonly retired: (stream: ClientStream) => void;
}
