// SPDX-License-Identifier: Apache-2.0

import { toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import { toError } from "../../base/mod.ts";
import type { EntityKey } from "../../eventlog/mod.ts";
import type { KeptReply, SideEffectMessage } from "../../protocol/mod.ts";
import { ProxyStateSchema } from "../../protocol/mod.ts";
import type { Change, Cursor } from "../../record/mod.ts";
import {
  advance,
  answeredIn,
  checkEnd,
  ORIGIN,
  sequencesOf,
  traceMessage,
  writeCommit,
  writeSnapshot,
} from "../../record/mod.ts";
import type { TraceContext } from "../../telemetry/mod.ts";

import type { EffectOwner, EntityEffects } from "../effects/entity-effects.ts";
import type { Lineage } from "../lineage.ts";
import { lineageMessage } from "../lineage.ts";
import type { EntityContext } from "./context.ts";
import type { EntityProtocol, RecoveredPage } from "./entity-protocol.ts";
import { KeptReplies } from "./kept-replies.ts";
import { nameOf } from "./report-failure.ts";

export interface NewRecord {
  /** Undefined: the state stays as it is. */
  readonly change: Change | undefined;
  readonly effects: SideEffectMessage[];
  /** Of the effects, and of the forward that the command was answered with. */
  readonly lineage: Lineage | undefined;
  /** How the command was answered, if it has an idempotency key. */
  readonly answered: KeptReply | undefined;
  /** The span of the command; undefined: nobody traces. */
  readonly trace?: TraceContext | undefined;
}

/** What an entity takes in memory beside its kept replies and undone side effects, in bytes (docs/performance.md). */
const ENTITY_BYTES = 6_144;

/** A record without a command, which only says which side effects are done. */
export const MARK: NewRecord = { change: undefined, effects: [], lineage: undefined, answered: undefined };

export interface JournalOwner extends EffectOwner {
  /** The log has acknowledged the record. @param firstEffect the number of the first of its side effects. */
  stored(firstEffect: number): void;
  /** @param error of the log, or of a read that the append needed. */
  notStored(error: unknown): void;
  /** A snapshot of so many bytes is stored. */
  snapshotStored(bytes: number): void;
}

/**
 * The place of one entity in the log, and what its records hold besides its state: kept replies and side effects.
 *
 * 1. (I4) One append at a time: the next one begins after the owner has heard of the last one.
 * 2. (I3) After an append failed that another writer may have caused, the journal is not used before it is read
 *    again.
 * 3. (I7) It keeps only replies that were read from the log or whose append the log has acknowledged. It forgets them
 *    when the history is read again.
 * 4. After `close` it begins no append, and its owner hears nothing. What it had read or stored is not used.
 */
export class EntityJournal {
  readonly effects: EntityEffects;
  readonly #context: EntityContext;
  readonly #protocol: EntityProtocol;
  readonly #key: EntityKey;
  readonly #owner: JournalOwner;
  #isClosed = false;
  #cursor: Cursor = ORIGIN;
  #records = 0;
  #replies: KeptReplies | undefined;

  constructor(context: EntityContext, protocol: EntityProtocol, key: EntityKey, owner: JournalOwner) {
    this.#context = context;
    this.#protocol = protocol;
    this.#key = key;
    this.#owner = owner;
    this.effects = context.effects.open(key, owner);
    this.#count();
  }

  /** Records after the newest snapshot; always 0 for a value entity. */
  get records(): number {
    return this.#records;
  }

  /** Replies to commands with an idempotency key; undefined before the first such command. */
  get replies(): KeptReplies | undefined {
    return this.#replies;
  }

  /** Whether there is nothing new to store about side effects that are done. */
  get isMarked(): boolean {
    return this.effects.ledger.isMarked;
  }

  /** Forgets what was read, because the history is about to be read again. */
  reset(): void {
    this.#records = 0;
    this.#replies = undefined;
    this.effects.ledger.reset();
  }

  /** Adds the next page of the history. @throws HistoryError if records at its end are missing. */
  read({ proxyState, commits, records, cursor }: RecoveredPage): void {
    if (this.#isClosed) return;
    const { ledger } = this.effects;
    if (proxyState !== undefined) {
      for (const reply of proxyState.replies) this.#keep(reply);
      ledger.recall(proxyState);
    }
    for (const commit of commits) {
      this.#keep(answeredIn(commit));
      ledger.fold(commit);
    }
    this.#count();
    this.#records += records;
    if (cursor === undefined) return;
    checkEnd(this.#cursor, cursor);
    this.#cursor = cursor;
  }

  /** Stores one record. Then calls `stored` or `notStored` of the owner. */
  append(record: NewRecord): void {
    const { change, effects, trace } = record;
    const { log, announceEffects } = this.#context;
    const announced = effects.length === 0 ? undefined : announceEffects(this.#key.type);
    if (change !== undefined && announced === undefined) return this.#append(record, change);
    Promise.all([change ?? this.#protocol.noChange(log, this.#key, trace), announced]).then(
      ([known]) => this.#append(record, known),
      (error: unknown) => this.#notStored(error),
    );
  }

  /** (4) An append that is under way may still be stored. */
  close(): void {
    this.#isClosed = true;
  }

  #append({ effects, lineage, answered, trace }: NewRecord, change: Change): void {
    if (this.#isClosed) return;
    const { log, clock } = this.#context;
    const { store } = this.#protocol;
    const { ledger } = this.effects;
    const ofEffects = ledger.fieldsFor(effects, lineage && lineageMessage(lineage), traceMessage(trace));
    const proxyState = store === "replace" ? this.#proxyState() : undefined;
    const metadata = { answered, effects: ofEffects, proxyState };
    const bytes = writeCommit(this.#cursor, change, clock.wallMs(), metadata);
    log[store](this.#key, this.#cursor.position, bytes, trace).then(
      (position) => {
        if (this.#isClosed) return;
        this.#cursor = advance(this.#cursor, { position, bytes }, sequencesOf(change));
        this.#records += store === "append" ? 1 : 0;
        this.#keep(answered);
        ledger.fold(ofEffects);
        this.#count();
        this.#owner.stored(Number(ofEffects.firstEffect));
      },
      (error: unknown) => this.#notStored(error),
    );
  }

  #notStored(error: unknown): void {
    if (!this.#isClosed) this.#owner.notStored(error);
  }

  /** A snapshot only saves time, so nobody waits for it and its failure is only logged. */
  saveSnapshot(state: Any, version: string): void {
    const { log, telemetry, clock } = this.#context;
    this.#records = 0;
    const bytes = writeSnapshot(this.#cursor, state, version, clock.wallMs(), this.#proxyState());
    log.saveSnapshot(this.#key, this.#cursor.position, bytes).then(
      () => this.#owner.snapshotStored(state.value.length),
      (error: unknown) => {
        telemetry.logger.warn("snapshot was not saved", { entity: nameOf(this.#key), error: toError(error) });
      },
    );
  }

  #count(): void {
    this.effects.count(ENTITY_BYTES + (this.#replies?.memoryBytes ?? 0));
  }

  #keep(reply: KeptReply | undefined): void {
    if (reply === undefined) return;
    this.#replies ??= new KeptReplies(this.#context.options);
    this.#replies.add(reply);
  }

  /** What a snapshot or the record of a value must hold of the records before it, as bytes of a `ProxyState`. */
  #proxyState(): Uint8Array | undefined {
    const replies = this.#replies?.encode();
    const effects = this.effects.ledger.proxyState();
    if (effects === undefined) return replies;
    const encoded = toBinary(ProxyStateSchema, effects);
    // Concatenated messages of one type are one message with the fields of all of them.
    return replies === undefined ? encoded : Buffer.concat([replies, encoded]);
  }
}
