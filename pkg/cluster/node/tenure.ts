// SPDX-License-Identifier: Apache-2.0

/**
 * The time in which this member owns one shard, from its claim to its release (ADR 29). A shard that it does not own
 * has no tenure.
 *
 *     serving ◀──▶ draining ──▶ packing ──▶ releasing ──▶ (none)
 *        └────────────┴────────────┴────────────┴──▶ (none): the entry names another owner, or the member was fenced
 *
 * 1. A command begins only while the shard is served. From then on it is open, until its answer has left or it is given
 *    up. The shard is handed over only when no command is open, so a handoff fails none (I9).
 * 2. What begins in a tenure bears its epoch. Memory and answers of another epoch are not used.
 * 3. If a command is open for long, the shard is served again, and handed over later: meanwhile commands for its other
 *    entities have waited, and they are not to wait until they fail.
 * 4. A release that was sent may have been stored. So there is no way back from `releasing`: the shard is served again
 *    only in a new tenure.
 */
export type Tenure =
  | { readonly kind: "serving" | "draining"; readonly epoch: number; readonly open: number }
  | { readonly kind: "packing" | "releasing"; readonly epoch: number };

export type TenureKind = Tenure["kind"];

export type TenureInput =
  /** The bucket says that this member owns the shard. */
  | { readonly kind: "owned"; readonly epoch: number }
  /** The bucket says that this member does not own the shard, or the member was fenced. */
  | { readonly kind: "lost" }
  /** The shard should have another owner, or this member leaves. */
  | { readonly kind: "give-up" }
  /** A command has been open for long since then (3). */
  | { readonly kind: "keep" }
  /** A command of the shard begins, or is answered or given up. */
  | { readonly kind: "begin" | "end"; readonly epoch: number }
  /** All entities of the shard have left memory, and their histories are packed. */
  | { readonly kind: "packed"; readonly epoch: number };

export type TenureEffect =
  /** Carry out the shard's commands, with nothing in memory yet. */
  | { readonly kind: "take"; readonly epoch: number }
  /** Let the shard's entities leave memory and pack their histories. */
  | { readonly kind: "pack"; readonly epoch: number }
  /** Throw the shard's entities away at once: they may be old. */
  | { readonly kind: "drop"; readonly epoch: number }
  /** Write the shard's next owner into its entry. */
  | { readonly kind: "release"; readonly epoch: number }
  /** Commands that wait for the shard ask again who owns it. */
  | { readonly kind: "wake" };

export interface TenureStep {
  readonly state: Tenure | undefined;
  readonly effects: readonly TenureEffect[];
}

export function stepTenure(state: Tenure | undefined, input: TenureInput): TenureStep {
  switch (input.kind) {
    case "owned":
      return afterClaim(state, input.epoch);
    case "lost":
      return state === undefined ? stay(state) : { state: undefined, effects: [...dropped(state), WAKE] };
    case "give-up":
      return state?.kind === "serving" ? drained({ ...state, kind: "draining" }) : stay(state);
    case "keep":
      return state?.kind === "draining"
        ? { state: { ...state, kind: "serving" }, effects: [WAKE] }
        : stay(state);
    case "begin":
      if (state?.kind !== "serving" || state.epoch !== input.epoch) return stay(state);
      return stay({ ...state, open: state.open + 1 });
    case "end":
      if (state === undefined || !("open" in state) || state.epoch !== input.epoch) return stay(state);
      return drained({ ...state, open: state.open - 1 });
    case "packed": {
      if (state?.kind !== "packing" || state.epoch !== input.epoch) return stay(state);
      const { epoch } = state;
      return { state: { kind: "releasing", epoch }, effects: [{ kind: "release", epoch }] };
    }
  }
}

const WAKE: TenureEffect = { kind: "wake" };

function afterClaim(state: Tenure | undefined, epoch: number): TenureStep {
  if (state?.epoch === epoch) return stay(state);
  const effects: TenureEffect[] = [...dropped(state), { kind: "take", epoch }, WAKE];
  return { state: { kind: "serving", epoch, open: 0 }, effects };
}

function drained(state: Extract<Tenure, { open: number }>): TenureStep {
  const { kind, epoch, open } = state;
  if (kind !== "draining" || open > 0) return stay(state);
  return { state: { kind: "packing", epoch }, effects: [{ kind: "pack", epoch }] };
}

function dropped(state: Tenure | undefined): readonly TenureEffect[] {
  // Once they are packed, nothing is in memory.
  if (state === undefined || state.kind === "releasing") return [];
  return [{ kind: "drop", epoch: state.epoch }];
}

function stay(state: Tenure | undefined): TenureStep {
  return { state, effects: [] };
}
