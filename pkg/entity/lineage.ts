// SPDX-License-Identifier: Apache-2.0

import type { Random } from "../base/mod.ts";
import { shortId } from "../base/mod.ts";
import type { StatusError } from "../grpc/mod.ts";
import { errorFactory, Status } from "../grpc/mod.ts";
import type { LineageMessage } from "../protocol/mod.ts";
import type { Values } from "../settings/mod.ts";

import type { LINEAGE_SETTINGS } from "./settings.ts";

/**
 * How many commands led from a caller's command to this one, and how many may still follow from this one.
 *
 * A command may ask for side effects and a forward, these ask for more, and so on. A bound on the links of such a
 * chain does not bound the work: ten side effects each over 16 links are 10^16 commands. To count them, all proxies
 * would have to share a counter that survives them. So each command divides its budget among the commands that it
 * asks for:
 *
 * 1. At most `maxDescendants` forwards and side effects follow from one command of a caller, all together (I11).
 * 2. A command that asks for some pays one of its budget for each. What is left is divided equally among them and
 *    becomes their budgets. No two commands draw on the same budget, so all that follows from a command is within its
 *    own, in whatever order and wherever it is carried out.
 * 3. An entity stores the budgets with the side effects, so a crash does not renew them.
 * 4. A command that asks for more than its budget, or stands `maxForwardDepth` links from the caller's command and asks
 *    for anything, is refused as a whole before anything of it is stored.
 */
export interface Lineage {
  /** An id for logs, shared by all commands that follow from one command of a caller; empty until one follows. */
  readonly origin: string;
  /** Forwards and side effects from the caller's command to this one. */
  readonly depth: number;
  /** Forwards and side effects that may follow from this one, all together; the options may allow fewer. */
  readonly budget: number;
}

/** How much may follow from one command of a caller. */
export type LineageLimits = Values<typeof LINEAGE_SETTINGS>;

/** The lineage of a command that a caller sent. */
export const CALLERS_LINEAGE: Lineage = { origin: "", depth: 0, budget: Number.MAX_SAFE_INTEGER };

/** The lineage of a side effect whose record was written before records held lineages. */
const UNKNOWN_LINEAGE: Lineage = { ...CALLERS_LINEAGE, depth: 1 };

/** Why a command may not ask for what it asks for. Nothing of it was stored. */
export type LineageErrorCode =
  /** The chain of forwards and side effects is longer than `maxForwardDepth`. */
  | "CHAIN_TOO_LONG"
  /** More than `maxDescendants` forwards and side effects would follow from a caller's command. */
  | "TOO_MANY_DESCENDANTS";

const lineageError = errorFactory<LineageErrorCode>();

/** Whether a command failed because it asked for too many forwards and side effects (4). */
export function asksTooMuch({ code }: StatusError): boolean {
  return TOO_MUCH.includes(code);
}

const TOO_MUCH: readonly string[] = ["CHAIN_TOO_LONG", "TOO_MANY_DESCENDANTS"] satisfies LineageErrorCode[];

/**
 * The lineage of each of the `count` forwards and side effects that a command asks for with one answer.
 *
 * @param parts into how many equal budgets the rest is divided; more than `count` if further answers may ask for more.
 * @returns StatusError if it asks for too much (4).
 */
export function descend(
  { origin, depth, budget }: Lineage,
  count: number,
  { maxForwardDepth, maxDescendants }: LineageLimits,
  random: Random,
  parts = count,
): Lineage | StatusError<LineageErrorCode> {
  if (depth >= maxForwardDepth) {
    const text = `more than ${maxForwardDepth} forwards and side effects in a row`;
    return lineageError(Status.INTERNAL, "CHAIN_TOO_LONG", text);
  }
  const own = Math.min(budget, maxDescendants);
  if (count > own) {
    const text =
      `${count} forwards and side effects, but ${own} are left for it ` +
      `of the ${maxDescendants} that may follow from one command of a caller`;
    return lineageError(Status.INTERNAL, "TOO_MANY_DESCENDANTS", text);
  }
  const share = Math.floor((own - count) / Math.max(count, parts));
  return { origin: origin === "" ? shortId(random) : origin, depth: depth + 1, budget: share };
}

export function lineageMessage({ origin, depth, budget }: Lineage): LineageMessage {
  return { $typeName: "perdure.log.v1.Lineage", origin, depth, budget };
}

/** Reads the lineage of a side effect from its record. */
export function readLineage(message: LineageMessage | undefined): Lineage {
  if (message === undefined) return UNKNOWN_LINEAGE;
  const { origin, depth, budget } = message;
  return { origin, depth, budget };
}
