// SPDX-License-Identifier: Apache-2.0

import type { Charge } from "../base/mod.ts";
import type { AnsweredRequest } from "../endpoint/mod.ts";
import type { EntityCommand, StoredListener } from "../entity/mod.ts";

/** The outcome of one request to the public port. */
export interface RequestRecord extends Omit<AnsweredRequest, "bytes"> {
  /** The first entity that got a command, with what the request has stored; undefined if no entity got one. */
  readonly entity: EntityRecord | undefined;
}

export interface EntityRecord {
  /** Its entity type, which is Cloudstate's persistence id. */
  readonly type: string;
  readonly id: string;
  readonly stored: Stored;
}

/** What one request has stored, in this entity and in those that its command was forwarded to. */
export type Stored =
  | { readonly kind: "events"; readonly count: number }
  | { readonly kind: "value"; readonly change: "none" | "written" | "deleted" };

/**
 * Combines what the endpoint, the router and the entities know of one request. The key is the request's `Charge`, its
 * part of the memory account of its caller, because all of them hold it and each request has one of its own. Side
 * effects have another `Charge` and go on after the answer, so they are not part of the record.
 */
export class RequestRecords {
  readonly #entities = new WeakMap<Charge, EntityRecord>();

  /** Called before a command goes to its entity. */
  asked({ method, entityId: id, call: { bytes } }: EntityCommand): void {
    if (this.#entities.has(bytes)) return;
    const { persistenceId: type, history } = method.service;
    const stored: Stored =
      history === "events" ? { kind: "events", count: 0 } : { kind: "value", change: "none" };
    this.#entities.set(bytes, { type, id, stored });
  }

  readonly stored: StoredListener = ({ call: { bytes } }, change) => {
    const entity = this.#entities.get(bytes);
    if (entity === undefined || change === undefined) return;
    this.#entities.set(bytes, { ...entity, stored: afterChange(entity.stored, change) });
  };

  of({ bytes, ...answered }: AnsweredRequest): RequestRecord {
    return { ...answered, entity: bytes === undefined ? undefined : this.#entities.get(bytes) };
  }
}

type Change = NonNullable<Parameters<StoredListener>[1]>;

function afterChange(before: Stored, change: Change): Stored {
  if (change.kind === "value")
    return { kind: "value", change: change.value === undefined ? "deleted" : "written" };
  const count = before.kind === "events" ? before.count : 0;
  return { kind: "events", count: count + change.events.length };
}
