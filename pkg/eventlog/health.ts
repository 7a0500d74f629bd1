// SPDX-License-Identifier: Apache-2.0

import type { Clock, Timer } from "../base/mod.ts";
import { assert, toError } from "../base/mod.ts";
import type { Values } from "../settings/mod.ts";
import type { Telemetry } from "../telemetry/mod.ts";

import type { EventLogCode, LogHealth } from "./event-log.ts";
import { EventLogError } from "./event-log.ts";
import { HealthReport } from "./health-report.ts";
import type { LOG_HEALTH_SETTINGS } from "./settings.ts";

export interface HealthDependencies extends Values<typeof LOG_HEALTH_SETTINGS> {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /**
   * Rejects with the error that an append would meet; may cost more if `isSuspected`, because an append has failed or a
   * problem is known.
   */
  readonly check: (partition: number, isSuspected: boolean) => Promise<void>;
  /** Codes of append failures that no check can detect. */
  readonly hidden: readonly EventLogCode[];
}

interface Partition {
  problem: EventLogError | undefined;
  /** When it was last known to take appends. */
  workedMs: number;
  /** When an append last failed, if none has worked and no check has passed since. */
  suspectedMs: number | undefined;
  /** A problem that no check can detect stands at least until this time, unless an append works. */
  hiddenUntilMs: number;
  /** How many periods of `HIDDEN_MS` have followed each other without an append that worked. */
  hiddenFailures: number;
  /** When the running check began; undefined if no check runs. */
  checkedSinceMs: number | undefined;
  lastCheckMs: number;
}

/**
 * How long a problem that no check detects stands without an append that works; doubles with each failure that comes
 * after the time is over.
 */
const HIDDEN_MS = { first: 1_000, most: 60_000 } as const;

/** Codes that say something about the append, not about the log. */
const OF_THE_APPEND: readonly EventLogCode[] = ["RECORD_TOO_LARGE", "LOG_OVERLOADED", "LOG_CLOSED"];

/**
 * Tracks for each partition of a log what the next append would meet (clause 12 of `event-log.ts`).
 *
 * 1. An append that was stored shows that its partition works. So does an append that was refused because of a
 *    conflict with another record.
 * 2. A failed append makes its partition suspected, and the partition is checked soon. The check decides, because the
 *    failure may concern one entity only. So callers cannot make a log look broken with appends that must fail.
 * 3. Only a failure that no check can detect (`hidden`) counts at once. It counts until an append works, or until its
 *    time is over and a check passes. Then the next append shows whether the problem is still there.
 * 4. A partition without recent appends is checked every `logCheckIntervalMs`, one check at a time (I11).
 * 5. A check that takes longer than `logCheckTimeoutMs` has failed, until it ends or an append works.
 */
export class Health {
  readonly #dependencies: HealthDependencies;
  readonly #partitions: readonly Partition[];
  readonly #report: HealthReport;
  #current: LogHealth = USABLE;
  #timer: Timer | undefined;
  #isStopped = false;

  /** All partitions count as working at first, because the log was opened just now. */
  constructor(partitions: number, dependencies: HealthDependencies) {
    const { clock, telemetry } = dependencies;
    this.#dependencies = dependencies;
    this.#report = new HealthReport(clock, telemetry.logger);
    const nowMs = clock.monotonicMs();
    this.#partitions = Array.from({ length: partitions }, () => ({
      problem: undefined,
      workedMs: nowMs,
      suspectedMs: undefined,
      hiddenUntilMs: nowMs,
      hiddenFailures: 0,
      checkedSinceMs: undefined,
      lastCheckMs: nowMs,
    }));
    this.#schedule();
  }

  get current(): LogHealth {
    return this.#current;
  }

  /** An append to the partition was stored, or refused because of a conflict with another record. */
  worked(partition: number): void {
    const state = this.#at(partition);
    state.workedMs = this.#dependencies.clock.monotonicMs();
    state.suspectedMs = undefined;
    state.hiddenFailures = 0;
    if (state.problem !== undefined) this.#tell(state, undefined);
  }

  /** An append to the partition was not stored, or may not be. */
  failed(partition: number, error: EventLogError): void {
    if (this.#isStopped || OF_THE_APPEND.includes(error.code)) return;
    const { clock, hidden, logCheckIntervalMs } = this.#dependencies;
    const state = this.#at(partition);
    const nowMs = clock.monotonicMs();
    state.suspectedMs = nowMs;
    if (hidden.includes(error.code)) this.#hide(state, error, nowMs);
    // Many failures start only one check per interval here. The timer starts the later ones.
    if (nowMs - state.lastCheckMs >= logCheckIntervalMs) this.#check(partition);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#report.stop();
    this.#current = { kind: "unusable", error: new EventLogError("LOG_CLOSED", "the log is closed") };
  }

  /** Only a failure after the time is over extends it, because many appends fail together. */
  #hide(state: Partition, error: EventLogError, nowMs: number): void {
    if (nowMs >= state.hiddenUntilMs) {
      state.hiddenUntilMs = nowMs + Math.min(HIDDEN_MS.most, HIDDEN_MS.first * 2 ** state.hiddenFailures);
      state.hiddenFailures = Math.min(state.hiddenFailures + 1, MAX_DOUBLINGS);
    }
    this.#tell(state, error);
  }

  #schedule(): void {
    const { clock, logCheckIntervalMs } = this.#dependencies;
    this.#timer = clock.schedule(logCheckIntervalMs, () => {
      for (const partition of this.#partitions.keys()) this.#look(partition);
      this.#schedule();
    });
  }

  #look(partition: number): void {
    const { clock, logCheckIntervalMs, logCheckTimeoutMs } = this.#dependencies;
    const state = this.#at(partition);
    const nowMs = clock.monotonicMs();
    const { checkedSinceMs: sinceMs } = state;
    if (sinceMs !== undefined) {
      if (nowMs - sinceMs < logCheckTimeoutMs || state.workedMs >= sinceMs) return;
      const text = `the log did not answer a check within ${logCheckTimeoutMs} ms`;
      return this.#tell(state, new EventLogError("LOG_UNAVAILABLE", text));
    }
    const isKnown = state.problem === undefined && state.suspectedMs === undefined;
    // Half, because a problem that begins just after an append would otherwise be found two intervals later.
    if (!isKnown || nowMs - state.workedMs >= logCheckIntervalMs / 2) this.#check(partition);
  }

  #check(partition: number): void {
    const state = this.#at(partition);
    if (state.checkedSinceMs !== undefined) return;
    const { clock, check } = this.#dependencies;
    const beganMs = clock.monotonicMs();
    state.checkedSinceMs = beganMs;
    state.lastCheckMs = beganMs;
    const isSuspected = state.suspectedMs !== undefined || state.problem !== undefined;
    const finish = (problem: EventLogError | undefined): void => {
      state.checkedSinceMs = undefined;
      // The result of an append that ended during the check is newer than the check's result.
      const isOld = problem === undefined ? (state.suspectedMs ?? 0) > beganMs : state.workedMs > beganMs;
      if (this.#isStopped || isOld) return;
      if (problem === undefined) this.#passed(state);
      else this.#tell(state, problem);
    };
    check(partition, isSuspected).then(
      () => finish(undefined),
      (thrown: unknown) => finish(asProblem(thrown)),
    );
  }

  #passed(state: Partition): void {
    const nowMs = this.#dependencies.clock.monotonicMs();
    if (nowMs < state.hiddenUntilMs && state.hiddenFailures > 0) return;
    state.suspectedMs = undefined;
    this.#tell(state, undefined);
  }

  #tell(state: Partition, problem: EventLogError | undefined): void {
    if (this.#isStopped) return;
    state.problem = problem;
    const before = this.#current;
    this.#current = summary(this.#partitions.map((each) => each.problem));
    if (before.kind !== "usable" || this.#current.kind !== "usable") this.#report.tell(this.#current);
  }

  #at(partition: number): Partition {
    const state = this.#partitions[partition];
    assert(state !== undefined, "the partition exists");
    return state;
  }
}

const USABLE: LogHealth = { kind: "usable" };
/** After so many doublings a pause has long reached `HIDDEN_MS.most`; the count stays a small number. */
const MAX_DOUBLINGS = 10;

function summary(problems: readonly (EventLogError | undefined)[]): LogHealth {
  const found = problems.filter((problem) => problem !== undefined);
  const [error] = found;
  if (error === undefined) return USABLE;
  if (found.length === problems.length) return { kind: "unusable", error };
  const text = `${found.length} of ${problems.length} partitions: ${error.message}`;
  return { kind: "partly", error: new EventLogError(error.code, text, { cause: error.cause }) };
}

function asProblem(thrown: unknown): EventLogError {
  if (thrown instanceof EventLogError) return thrown;
  return new EventLogError("LOG_UNAVAILABLE", toError(thrown).message, { cause: thrown });
}
