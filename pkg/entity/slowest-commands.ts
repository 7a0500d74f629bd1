// SPDX-License-Identifier: Apache-2.0

import type { TraceContext } from "../telemetry/mod.ts";

/** A command that has ended. Times are in milliseconds. */
export interface EndedCommand {
  /** The full name of its method. */
  readonly method: string;
  /** Type and id; undefined: it was for an action. */
  readonly entity: string | undefined;
  /** Monotonic. */
  readonly endedMs: number;
  /** From its arrival at its entity or action. */
  readonly tookMs: number;
  /** Of that, until the user function got it: behind other commands, and while the entity's history was read. */
  readonly waitedMs: number;
  /** Of that, while the log stored what the user function had answered. */
  readonly storingMs: number;
  /** Of its failure; undefined: it did not fail. */
  readonly code: string | undefined;
  /** Its span; undefined: nobody traces. */
  readonly trace: TraceContext | undefined;
}

/** The time that the report tells of. */
const REPORTED_MS = 60_000;

/** Slices of time; all that lie in the reported time, and one more that lies in it partly. */
const SLICE_MS = 10_000;
const SLICES = REPORTED_MS / SLICE_MS + 1;

/** Commands that are reported, and kept of each slice. */
const KEPT = 10;

interface Slice {
  /** Monotonic milliseconds at which it ends. */
  readonly endMs: number;
  /** The slowest ones, slowest first. */
  readonly commands: EndedCommand[];
}

/**
 * The slowest commands of the last minute.
 *
 * 1. (I11) Of each slice of ten seconds the slowest ten are kept, so 70 at most. What a command refers to is bounded by
 *    the bounds of method names and entity ids.
 * 2. A command that is not among them costs two comparisons (`isSlow`), and nothing is allocated for it.
 * 3. A command is reported for a minute after its end. One is missed only if ten slower ones ended in the same slice.
 */
export class SlowestCommands {
  readonly #slices: Slice[] = [];
  #endMs = Number.NEGATIVE_INFINITY;
  /** A command that took no longer is not among the slowest of the slice. */
  #floorMs = -1;

  /** Whether the command is to be added. Times must not go back from call to call. */
  isSlow(tookMs: number, endedMs: number): boolean {
    return tookMs > this.#floorMs || endedMs >= this.#endMs;
  }

  /** Adds a command that is slow. */
  add(command: EndedCommand): void {
    const { commands } = this.#sliceAt(command.endedMs);
    const place = commands.findIndex(({ tookMs }) => tookMs < command.tookMs);
    commands.splice(place === -1 ? commands.length : place, 0, command);
    if (commands.length > KEPT) commands.pop();
    if (commands.length === KEPT) this.#floorMs = commands[KEPT - 1]?.tookMs ?? -1;
  }

  /** The slowest ten that ended in the last minute, slowest first. */
  report(nowMs: number): readonly EndedCommand[] {
    return this.#slices
      .flatMap(({ commands }) => commands)
      .filter(({ endedMs }) => nowMs - endedMs <= REPORTED_MS)
      .sort((a, b) => b.tookMs - a.tookMs)
      .slice(0, KEPT);
  }

  #sliceAt(nowMs: number): Slice {
    const last = this.#slices.at(-1);
    if (last !== undefined && nowMs < last.endMs) return last;
    const slice = { endMs: nowMs + SLICE_MS, commands: [] };
    this.#slices.push(slice);
    if (this.#slices.length > SLICES) this.#slices.shift();
    this.#endMs = slice.endMs;
    this.#floorMs = -1;
    return slice;
  }
}
