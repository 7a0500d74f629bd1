// SPDX-License-Identifier: Apache-2.0

import type { PeerId } from "../placement.ts";
import type { MemberTimes } from "./member.ts";

/**
 * This proxy's own membership: whether it is a member, and until when it may answer (ADR 29).
 *
 *     outside ──▶ joining ──▶ member ──▶ leaving ──▶ left
 *        ▲           │           │
 *        └───────────┴───────────┘ fenced: refused, or too long without a renewal
 *
 * 1. A lease counts from when the renewal that the bucket acknowledged was sent, on this proxy's monotonic clock. How
 *    long the answer took only shortens it.
 * 2. At most one request to the bucket is under way, besides deletions of former ids (6). A renewal without an answer
 *    is sent again with the same condition, so it takes effect at most once.
 * 3. A refused renewal may follow one that was stored and whose answer was lost. So the key is looked up: if it is
 *    there, the member goes on; if not, somebody deleted it, and the member is fenced.
 * 4. A look-up is no renewal: it does not extend the lease, because what it reads may be old.
 * 5. A member without a renewal for `ttlMs` - `fenceMarginMs` is fenced (I8). Each join has an id of its own.
 * 6. An id that is used no more is deleted once, that of a join without an answer too. Otherwise, as if NATS does not
 *    answer, others believe that it lives until they find out. If its key is not there, the deletion leaves a mark,
 *    because it may have gone without one.
 * 7. Who leaves has left when its key is gone, and not when an earlier request is answered. Otherwise the process could
 *    end with its key still there, and others would believe for seconds that it lives.
 */
export type Membership =
  | { readonly kind: "outside" }
  | { readonly kind: "joining"; readonly id: PeerId; readonly sentMs: number }
  | {
      readonly kind: "member";
      readonly id: PeerId;
      /** Revision of the key that the next renewal replaces. */
      readonly revision: number;
      /** When the last acknowledged renewal, or the join, was sent. The lease counts from here. */
      readonly renewedMs: number;
      readonly request: Request | undefined;
    }
  | { readonly kind: "leaving"; readonly id: PeerId; readonly sentMs: number }
  | { readonly kind: "left" };

type MemberState = Extract<Membership, { kind: "member" }>;

interface Request {
  readonly kind: "renew" | "look-up";
  /** When it was sent first, and last. */
  readonly firstMs: number;
  readonly sentMs: number;
}

/** Why a renewal may be due. `lease`: a command is open. `news`: what the key says has changed. */
export type Need = "nothing" | "lease" | "news";

export type MembershipInput =
  | { readonly kind: "tick"; readonly need: Need }
  /** The key was created or replaced, and has this revision. */
  | { readonly kind: "stored"; readonly id: PeerId; readonly revision: number }
  /** The key does not have the expected revision, or is not there. */
  | { readonly kind: "refused"; readonly id: PeerId }
  /** What a look-up found, or that the key was seen to go; undefined: no key. */
  | { readonly kind: "found"; readonly id: PeerId; readonly revision: number | undefined }
  /** The key is deleted, as a `leave` asked for. */
  | { readonly kind: "removed"; readonly id: PeerId }
  /** The proxy stops, and has no shards any more. */
  | { readonly kind: "leave" };

export type MembershipEffect =
  | { readonly kind: "join"; readonly id: PeerId }
  | { readonly kind: "renew"; readonly id: PeerId; readonly revision: number }
  /** Revision 0: it is not known whether the key is there yet. */
  | { readonly kind: "leave"; readonly id: PeerId; readonly revision: number }
  | { readonly kind: "look-up"; readonly id: PeerId }
  /** The member is one no more: it drops its entities and shards at once, without handing them over. */
  | { readonly kind: "fence"; readonly id: PeerId };

export interface MembershipStep {
  readonly state: Membership;
  readonly effects: readonly MembershipEffect[];
}

export const OUTSIDE: Membership = { kind: "outside" };

/** @param newId gives a member id that has never been used. */
export function stepMembership(
  state: Membership,
  input: MembershipInput,
  nowMs: number,
  { times, newId }: { readonly times: MemberTimes; readonly newId: () => PeerId },
): MembershipStep {
  if (input.kind === "tick") return afterTime(state, input.need, nowMs, times, newId);
  if (input.kind === "leave") return leave(state, nowMs);
  if (state.kind === "joining" && input.id === state.id) return afterJoin(state, input);
  if (state.kind === "member" && input.id === state.id) return afterAnswer(state, input, nowMs);
  if (state.kind === "leaving" && input.id === state.id)
    return stay(isGone(input) ? { kind: "left" } : state);
  return stay(state);
}

/** Whether this proxy may answer at this moment (1). */
export function isLeaseValid(state: Membership, nowMs: number, { leaseMs }: MemberTimes): boolean {
  return state.kind === "member" && nowMs - state.renewedMs < leaseMs;
}

function afterTime(
  state: Membership,
  need: Need,
  nowMs: number,
  times: MemberTimes,
  newId: () => PeerId,
): MembershipStep {
  switch (state.kind) {
    case "outside":
      return join(newId(), nowMs);
    case "joining":
      return isLate(state.sentMs, nowMs, times) ? joinAnew(state.id, newId(), nowMs) : stay(state);
    case "member":
      return renewIfDue(state, need, nowMs, times);
    case "leaving":
      return isLate(state.sentMs, nowMs, times) ? stay({ kind: "left" }) : stay(state);
    case "left":
      return stay(state);
  }
}

function join(id: PeerId, nowMs: number): MembershipStep {
  return { state: { kind: "joining", id, sentMs: nowMs }, effects: [{ kind: "join", id }] };
}

/** (6) */
function joinAnew(former: PeerId, id: PeerId, nowMs: number): MembershipStep {
  const { state, effects } = join(id, nowMs);
  return { state, effects: [{ kind: "leave", id: former, revision: 0 }, ...effects] };
}

function renewIfDue(state: MemberState, need: Need, nowMs: number, times: MemberTimes): MembershipStep {
  const { request, renewedMs } = state;
  if (nowMs - renewedMs >= times.ttlMs - times.fenceMarginMs) return fence(state);
  if (request !== undefined)
    return isLate(request.sentMs, nowMs, times)
      ? ask(state, request.kind, nowMs, request.firstMs)
      : stay(state);
  return nowMs - renewedMs >= dueAfterMs(need, times) ? ask(state, "renew", nowMs) : stay(state);
}

function dueAfterMs(need: Need, { leaseMs, renewEveryMs }: MemberTimes): number {
  if (need === "news") return 0;
  // Half of a lease is left for the answer, so that under load there is always a valid one.
  return need === "lease" ? Math.min(leaseMs / 2, renewEveryMs) : renewEveryMs;
}

function ask(
  state: MemberState,
  kind: Request["kind"],
  nowMs: number,
  firstMs: number = nowMs,
): MembershipStep {
  const { id, revision } = state;
  const effect = kind === "renew" ? { kind, id, revision } : { kind, id };
  return { state: { ...state, request: { kind, firstMs, sentMs: nowMs } }, effects: [effect] };
}

function afterJoin(
  state: Extract<Membership, { kind: "joining" }>,
  input: Exclude<MembershipInput, { kind: "tick" | "leave" }>,
): MembershipStep {
  if (input.kind !== "stored") return stay(OUTSIDE);
  const { id, sentMs } = state;
  const { revision } = input;
  return stay({ kind: "member", id, revision, renewedMs: sentMs, request: undefined });
}

function afterAnswer(
  state: MemberState,
  input: Exclude<MembershipInput, { kind: "tick" | "leave" }>,
  nowMs: number,
): MembershipStep {
  const { request } = state;
  if (input.kind === "found" && input.revision === undefined) return fence(state);
  // The answer to a request that was sent twice has come twice.
  if (request === undefined) return stay(state);
  switch (input.kind) {
    case "stored": {
      const { kind, firstMs } = request;
      if (kind !== "renew" || input.revision <= state.revision) return stay(state);
      // If it was sent twice, this may be the answer to the first.
      return stay({ ...state, revision: input.revision, renewedMs: firstMs, request: undefined });
    }
    case "refused":
      return request.kind === "renew" ? ask(state, "look-up", nowMs) : stay(state);
    case "found":
      if (request.kind !== "look-up" || input.revision === undefined) return stay(state);
      return ask({ ...state, revision: Math.max(state.revision, input.revision) }, "renew", nowMs);
    case "removed":
      return stay(state);
  }
}

function leave(state: Membership, nowMs: number): MembershipStep {
  if (state.kind === "leaving") return stay(state);
  if (state.kind !== "member" && state.kind !== "joining") return stay({ kind: "left" });
  const { id } = state;
  const revision = state.kind === "member" ? state.revision : 0;
  return { state: { kind: "leaving", id, sentMs: nowMs }, effects: [{ kind: "leave", id, revision }] };
}

/** (7) */
function isGone(input: Exclude<MembershipInput, { kind: "tick" | "leave" }>): boolean {
  return input.kind === "removed" || (input.kind === "found" && input.revision === undefined);
}

/** (5, 6) */
function fence({ id, revision }: MemberState): MembershipStep {
  return {
    state: OUTSIDE,
    effects: [
      { kind: "fence", id },
      { kind: "leave", id, revision },
    ],
  };
}

function isLate(sentMs: number, nowMs: number, { answerTimeoutMs }: MemberTimes): boolean {
  return nowMs - sentMs >= answerTimeoutMs;
}

function stay(state: Membership): MembershipStep {
  return { state, effects: [] };
}
