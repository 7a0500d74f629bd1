// SPDX-License-Identifier: Apache-2.0

import type { Decisions } from "../../pkg/cluster/node/mod.ts";
import { mayReply, stepTenure } from "../../pkg/cluster/node/mod.ts";

/** What a run leaves out, to show that it is needed and that the simulation notices. */
export const MUTANTS = ["fence", "output-gate", "i8", "epoch", "hold"] as const;

export type Mutant = (typeof MUTANTS)[number];

/** The decisions of a cluster node without what the mutant leaves out. */
export function decisionsOf(mutant: Mutant | undefined): Decisions {
  return {
    mayReply: mutant === "i8" ? mayReplyWithoutLease : mutant === "epoch" ? mayReplyInAnyTenure : mayReply,
    stepTenure: mutant === "hold" ? stepTenureAtOnce : stepTenure,
  };
}

const mayReplyWithoutLease: Decisions["mayReply"] = (...given) => {
  const pass = mayReply(...given);
  return pass === "wait" ? "reply" : pass;
};

/** As if the command had begun in the present tenure. */
const mayReplyInAnyTenure: Decisions["mayReply"] = (ticket, tenure, membership, nowMs, times) => {
  if (membership.kind !== "member" || tenure === undefined) return "over";
  const now = { ...ticket, member: membership.id, epoch: tenure.epoch };
  return mayReply(now, tenure, membership, nowMs, times);
};

/** Hands a shard over without waiting for its open commands. */
const stepTenureAtOnce: Decisions["stepTenure"] = (state, input) =>
  input.kind === "give-up" && state?.kind === "serving"
    ? stepTenure({ ...state, open: 0 }, input)
    : stepTenure(state, input);
