// SPDX-License-Identifier: Apache-2.0

import type { EntityKey } from "../../eventlog/mod.ts";
import type { EntityService } from "../../userfunction/mod.ts";

import type { EntityContext } from "./context.ts";
import { CountedReads } from "./counted-reads.ts";
import type { EntityJournal } from "./entity-journal.ts";
import type { EntityProtocol } from "./entity-protocol.ts";
import type { EntityStream } from "./entity-stream.ts";
import { nameOf } from "./report-failure.ts";
import type { SnapshotTrial } from "./snapshot-trial.ts";

/** An entity whose history is to be read. */
export interface Activation {
  readonly context: EntityContext;
  readonly protocol: EntityProtocol;
  readonly service: EntityService;
  readonly key: EntityKey;
  readonly journal: EntityJournal;
  readonly snapshotTrial: SnapshotTrial;
  openStream(): EntityStream | Promise<EntityStream>;
  /** Whether the entity still has to be activated, although its stream is lost. */
  isStillActivating(): boolean;
  /** Called when the user function has been sent the whole history. */
  onReplayed(): void;
}

/**
 * Reads the history of an entity into its journal, and sends it to the user function on a new stream.
 *
 * 1. (I6) `onReplayed` is called only after the history was read to its end and nothing of it is missing.
 * 2. If the stream is lost before, nothing is called, unless the entity still has to be activated because its snapshot
 *    was refused: then all is done once more on another stream (clause 12 of `StatefulEntity`).
 * 3. (I11) At most `maxActivations` read at a time, and what they have read is charged to `activationMemory`.
 *
 * @throws StatusError, EventLogError, HistoryError.
 */
export async function activate(activation: Activation): Promise<void> {
  const { context, key } = activation;
  const { activations, clock, logger } = context;
  const sinceMs = clock.monotonicMs();
  await activations.acquire();
  const reads = new CountedReads(context.log, context.activationMemory);
  try {
    let isWhole: boolean;
    do isWhole = await replay(activation, reads);
    while (!isWhole && activation.isStillActivating());
    const ms = Math.round(clock.monotonicMs() - sinceMs);
    logger.debug("entity activated", { entity: nameOf(key), ms });
  } finally {
    reads.close();
    activations.release();
  }
}

/** False if the stream was lost before the whole history was replayed. */
async function replay(activation: Activation, reads: CountedReads): Promise<boolean> {
  const { protocol, service, key, journal, snapshotTrial } = activation;
  const pages = protocol.recover(reads, service, key, (snapshot) => snapshotTrial.mayUse(service, snapshot));
  let stream: EntityStream | undefined;
  journal.reset();
  for await (const page of pages) {
    if (stream === undefined) {
      stream = await activation.openStream();
      if (stream.isOver) return false;
      snapshotTrial.begin(page.snapshotBytes);
    }
    for (const message of page.messages) stream.send(message);
    journal.read(page);
    // The stream may be lost while the log is read or the user function is slow to take what was sent.
    if (stream.isOver) return false;
    if (page.cursor === undefined) await stream.drained();
  }
  activation.onReplayed();
  return true;
}
