// SPDX-License-Identifier: Apache-2.0

import { getOrMake } from "../../base/mod.ts";
import type { TraceContext } from "../../telemetry/mod.ts";

import type { ActiveEntity } from "./context.ts";
import type { EntityState } from "./entity-steps.ts";
import { inProgress } from "./entity-steps.ts";
import type { Mailbox } from "./mailbox.ts";

/** What an entity in memory does now. */
export interface EntityNow {
  readonly kind: string;
  /** Its persistence id. */
  readonly type: string;
  readonly id: string;
  readonly state: EntityState["kind"];
  /** Commands that wait for their turn. */
  readonly waiting: number;
  /** The command that came first of those that have no answer yet; undefined: all have one. */
  readonly oldest: { readonly arrivedMs: number; readonly trace: TraceContext | undefined } | undefined;
}

export function entityNow(
  { id, service: { kind, persistenceId: type } }: Pick<ActiveEntity, "id" | "service">,
  state: EntityState,
  mailbox: Pick<Mailbox, "first" | "size">,
): EntityNow {
  const first = inProgress(state) ?? mailbox.first;
  const oldest = first && { arrivedMs: first.arrivedMs, trace: first.command.call.trace };
  return { kind, type, id, state: state.kind, waiting: mailbox.size, oldest };
}

/** The entities of one type. */
export interface TypeReport {
  readonly kind: string;
  readonly type: string;
  /** How many are in each state; those that are not named have none. */
  readonly states: Readonly<Partial<Record<EntityState["kind"], number>>>;
  /** Commands that wait for their turn. */
  readonly waiting: number;
  /** How long the command that came first has been without an answer, in milliseconds. */
  readonly longestMs: number;
}

export interface BusyEntity extends Omit<EntityNow, "kind" | "oldest"> {
  /** As in `TypeReport`. */
  readonly longestMs: number;
  readonly trace: TraceContext | undefined;
}

export interface EntitiesReport {
  readonly types: readonly TypeReport[];
  /** Those whose commands have been without an answer for longest; at most `MAX_BUSY`. */
  readonly busiest: readonly BusyEntity[];
}

const MAX_BUSY = 10;

/** Counts entities by type and state. Looks at each of them once, and keeps only what it reports. */
export function entitiesReport(entities: Iterable<EntityNow>, nowMs: number): EntitiesReport {
  const types = new Map<string, Counted>();
  const busiest: BusyEntity[] = [];
  for (const { kind, type, id, state, waiting, oldest } of entities) {
    const counted = getOrMake(types, type, () => newType(kind, type));
    counted.states[state] = (counted.states[state] ?? 0) + 1;
    counted.waiting += waiting;
    if (oldest === undefined) continue;
    const longestMs = nowMs - oldest.arrivedMs;
    counted.longestMs = Math.max(counted.longestMs, longestMs);
    if (busiest.length === MAX_BUSY && longestMs <= (busiest.at(-1)?.longestMs ?? 0)) continue;
    const place = busiest.findIndex((other) => other.longestMs < longestMs);
    const busy = { type, id, state, waiting, longestMs, trace: oldest.trace };
    busiest.splice(place === -1 ? busiest.length : place, 0, busy);
    if (busiest.length > MAX_BUSY) busiest.pop();
  }
  return { types: [...types.values()], busiest };
}

function newType(kind: string, type: string): Counted {
  return { kind, type, states: {}, waiting: 0, longestMs: 0 };
}

interface Counted extends TypeReport {
  readonly states: Partial<Record<EntityState["kind"], number>>;
  waiting: number;
  longestMs: number;
}
