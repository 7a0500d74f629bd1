// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../../base/mod.ts";
import { onceForEach } from "../../base/mod.ts";
import type { EntityKey } from "../../eventlog/mod.ts";
import type { StatusError } from "../../grpc/mod.ts";
import type { Change } from "../../record/mod.ts";
import type { Span, TraceContext, Tracer } from "../../telemetry/mod.ts";
import { ATTRIBUTES, childSpan, FixedAttributes, NO_SPAN } from "../../telemetry/mod.ts";

import type { EntityInstruments } from "../instruments.ts";
import { countOne, MS_PER_SECOND } from "../instruments.ts";
import type { SlowestCommands } from "../slowest-commands.ts";
import type { EntityContext } from "./context.ts";
import type { Delivery } from "./delivery.ts";
import { codeOf, endedCommand } from "./delivery.ts";
import type { EntityProtocol } from "./entity-protocol.ts";
import { nameOf } from "./report-failure.ts";
import type { Answer } from "./verdict.ts";

/** Earlier than any command came. */
const NOT_SENT = Number.NEGATIVE_INFINITY;

/**
 * Counts, times and traces what one entity does, and notes which of its commands were slow. The entity tells of each
 * step, and decides nothing by what is here.
 *
 * 1. One command has its turn at a time (I2), so at most one span of the user function is open. It ends when the answer
 *    comes, or when the command ends without one.
 * 2. A command that is neither traced nor slow costs no object.
 */
export class EntityWatch {
  readonly measured: EntityInstruments;
  readonly #clock: Clock;
  readonly #tracer: Tracer;
  readonly #slowest: SlowestCommands | undefined;
  readonly #key: EntityKey;
  /** The user function has the command. */
  #asking: Span = NO_SPAN;
  /** When the user function got the command that has its turn. Monotonic milliseconds. */
  #sentMs = NOT_SENT;
  /** When the user function answered the last command. Monotonic milliseconds. */
  #answeredMs = 0;
  /** When the entity came into memory; undefined: it has not. */
  #activeSinceMs: number | undefined;

  constructor(
    { clock, telemetry, slowest }: Pick<EntityContext, "clock" | "telemetry" | "slowest">,
    measured: EntityInstruments,
    key: EntityKey,
  ) {
    this.#clock = clock;
    this.#tracer = telemetry.tracer;
    this.#slowest = slowest;
    this.measured = measured;
    this.#key = key;
  }

  received(): void {
    this.measured.received.add(1);
  }

  /** A command that had to wait for others, or for the activation, waits no more. @param error why it ends now. */
  waited({ command, arrivedMs, conflicts }: Delivery, nowMs: number, error?: StatusError): void {
    // A command that is retried has been carried out in this time.
    if (conflicts > 0) return;
    const { trace } = command.call;
    this.measured.queueTime.record((nowMs - arrivedMs) / MS_PER_SECOND, trace);
    childSpan(this.#tracer, "queue", trace, "internal", arrivedMs).end(error);
  }

  /** The user function is about to get a command. @param nowMs undefined: ask the clock. */
  sent(protocol: EntityProtocol, trace: TraceContext | undefined, nowMs?: number): void {
    this.#sentMs = nowMs ?? this.#clock.monotonicMs();
    this.#asking =
      trace?.isSampled === true
        ? this.#tracer.start("user function", trace, askingOptions(protocol))
        : NO_SPAN;
  }

  /** The user function has answered a command. */
  answered(trace: TraceContext | undefined): void {
    this.#answeredMs = this.#clock.monotonicMs();
    this.measured.processing.record((this.#answeredMs - this.#sentMs) / MS_PER_SECOND, trace);
    this.ended();
  }

  /** The user function does not have the command any more. */
  ended(answer?: Answer): void {
    const span = this.#asking;
    this.#asking = NO_SPAN;
    span.end(answer === undefined || answer.ok ? undefined : answer.error);
  }

  /** A command gets its answer. @param wasStoring the log was to store something for it. */
  settled(delivery: Delivery, answer: Answer | undefined, wasStoring: boolean): void {
    const nowMs = this.#clock.monotonicMs();
    const { trace } = delivery.command.call;
    if (wasStoring) this.measured.append.record((nowMs - this.#answeredMs) / MS_PER_SECOND, trace);
    const isCompleted = answer !== undefined && answer.ok && answer.outcome.kind !== "failure";
    const tookMs = nowMs - delivery.arrivedMs;
    this.measured.ended(isCompleted, tookMs, trace);
    if (this.#slowest?.isSlow(tookMs, nowMs) === true) {
      const answeredMs = wasStoring ? this.#answeredMs : undefined;
      const times = { sentMs: this.#sentMs, answeredMs, endedMs: nowMs };
      this.#slowest.add(endedCommand(delivery, nameOf(this.#key), times, codeOf(answer)));
    }
    this.#sentMs = NOT_SENT;
  }

  /** A command that had no turn is refused. Another one may have its turn. */
  rejected(delivery: Delivery, { code }: StatusError): void {
    this.measured.failed.add(1);
    const endedMs = this.#clock.monotonicMs();
    if (this.#slowest?.isSlow(endedMs - delivery.arrivedMs, endedMs) !== true) return;
    const times = { sentMs: NOT_SENT, answeredMs: undefined, endedMs };
    this.#slowest.add(endedCommand(delivery, nameOf(this.#key), times, code));
  }

  /** The entity is in memory, perhaps not for the first time. */
  activated(): void {
    if (this.#activeSinceMs !== undefined) return;
    this.#activeSinceMs = this.#clock.monotonicMs();
    this.measured.activated.add(1);
  }

  /** The entity leaves memory. @param isPassivated false: stream or shard was lost, or the history cannot be used. */
  left(isPassivated: boolean): void {
    if (isPassivated) this.measured.passivated.add(1);
    else this.measured.lost.add(1);
    if (this.#activeSinceMs === undefined) return;
    const activeMs = this.#clock.monotonicMs() - this.#activeSinceMs;
    this.measured.activeTime.record(activeMs / MS_PER_SECOND);
  }

  stored(change: Change | undefined): void {
    if (change === undefined) return;
    const { storedEvents } = this.measured;
    if (change.kind === "events") for (const { value } of change.events) countOne(storedEvents, value);
    else countOne(storedEvents, change.value?.value ?? NO_BYTES);
  }

  snapshotStored(bytes: number): void {
    const { count, bytes: all } = this.measured.storedSnapshots;
    count.add(1);
    all.add(bytes);
  }
}

const askingOptions = onceForEach(({ path }: EntityProtocol) => ({
  kind: "client" as const,
  attributes: new FixedAttributes({ [ATTRIBUTES.rpcMethod]: path.slice(1) }),
}));

const NO_BYTES = new Uint8Array(0);
