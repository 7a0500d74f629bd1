// SPDX-License-Identifier: Apache-2.0

import type { EntityKey } from "../../eventlog/mod.ts";
import type { Span, TraceContext } from "../../telemetry/mod.ts";
import { ATTRIBUTES } from "../../telemetry/mod.ts";
import type { EntityService } from "../../userfunction/mod.ts";

import type { EntityInstruments } from "../instruments.ts";
import { countOne, MS_PER_SECOND } from "../instruments.ts";
import type { EntityContext } from "./context.ts";
import { CountedReads } from "./counted-reads.ts";
import { EntityStreamError } from "./entity-error.ts";
import type { EntityJournal } from "./entity-journal.ts";
import type { EntityProtocol, RecoveredPage } from "./entity-protocol.ts";
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
  readonly measured: EntityInstruments;
  readonly snapshotTrial: SnapshotTrial;
  /** The span of the command that waits for the activation; undefined: nobody traces, or no command waits. */
  trace(): TraceContext | undefined;
  openStream(): EntityStream | Promise<EntityStream>;
  /** Whether the entity still has to be activated: it was not dropped, nor is its stream lost for good. */
  isStillActivating(): boolean;
  onReplayed(): void;
}

/**
 * Reads the history of an entity into its journal, and sends it to the user function on a new stream.
 *
 * 1. (I6) `onReplayed` is called only after the history was read to its end and nothing of it is missing.
 * 2. If the stream is lost before, nothing is called, unless the entity still has to be activated because its snapshot
 *    was refused: then all is done once more on another stream (clause 12 of `StatefulEntity`).
 * 3. (I11) At most `maxActivations` read at a time, and what they have read is charged to `activationMemory`.
 * 4. The whole is a span of the command that waits, and so are the reads, within it.
 *
 * @throws StatusError, EventLogError, HistoryError.
 */
export async function activate(activation: Activation): Promise<void> {
  const { context, key } = activation;
  const { activations, clock, telemetry } = context;
  const sinceMs = clock.monotonicMs();
  await activations.acquire();
  const span = startSpan(activation, sinceMs);
  const reads = new CountedReads(context.log, context.activationMemory, span.context);
  const endSpan = ender(span, reads);
  // Ends before the waiting command is sent.
  const onReplayed = (): void => {
    endSpan();
    activation.onReplayed();
  };
  try {
    let isWhole = false;
    while (!isWhole && activation.isStillActivating())
      isWhole = await replay({ ...activation, onReplayed }, reads, span);
    const tookMs = clock.monotonicMs() - sinceMs;
    if (isWhole) activation.measured.activation.record(tookMs / MS_PER_SECOND);
    else endSpan(new EntityStreamError("unanswered", activation.protocol.texts.termination));
    telemetry.logger.debug("entity activated", { entity: nameOf(key), ms: Math.round(tookMs) });
  } catch (thrown) {
    endSpan(thrown);
    throw thrown;
  } finally {
    reads.close();
    activations.release();
  }
}

/** The first activation is linked to the start of the proxy, or is a part of it if no command waits. */
function startSpan({ context, protocol, key, trace }: Activation, startMs: number): Span {
  const first = context.takeStartTrace();
  const waiting = trace();
  const link = waiting === undefined ? undefined : first;
  const span = context.telemetry.tracer.start("activation", waiting ?? first, { startMs, link });
  span.set(ATTRIBUTES.entityKind, protocol.name);
  span.set(ATTRIBUTES.entityType, key.type);
  return span;
}

/** Gives a function that says what was read, and ends the span. Only its first call counts. */
function ender(span: Span, reads: CountedReads): (failure?: unknown) => void {
  let isOver = false;
  return (failure) => {
    if (isOver) return;
    isOver = true;
    span.set(ATTRIBUTES.records, reads.records);
    span.set(ATTRIBUTES.bytes, reads.bytes);
    span.end(failure);
  };
}

/** False if the stream was lost before the whole history was replayed. */
async function replay(activation: Activation, reads: CountedReads, span: Span): Promise<boolean> {
  const { protocol, service, key, journal, snapshotTrial } = activation;
  const pages = protocol.recover(reads, service, key, (snapshot) => snapshotTrial.mayUse(service, snapshot));
  let stream: EntityStream | undefined;
  journal.reset();
  for await (const page of pages) {
    if (stream === undefined) {
      stream = await activation.openStream();
      if (stream.isOver) return false;
      snapshotTrial.begin(page.snapshotBytes);
      span.set(ATTRIBUTES.snapshot, page.snapshotBytes > 0);
    }
    for (const message of page.messages) stream.send(message);
    journal.read(page);
    countLoaded(activation.measured, page);
    // The stream may be lost while the log is read or the user function is slow to take what was sent.
    if (stream.isOver) return false;
    if (page.cursor === undefined) await stream.drained();
  }
  activation.onReplayed();
  return true;
}

function countLoaded(measured: EntityInstruments, { snapshotBytes, commits }: RecoveredPage): void {
  if (snapshotBytes > 0) {
    measured.loadedSnapshots.count.add(1);
    measured.loadedSnapshots.bytes.add(snapshotBytes);
  }
  for (const { events, valueState } of commits) {
    for (const { value } of events) countOne(measured.loadedEvents, value);
    if (valueState?.value !== undefined) countOne(measured.loadedEvents, valueState.value.value);
  }
}
