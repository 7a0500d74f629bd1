// SPDX-License-Identifier: Apache-2.0

/** A record of one entity. */
interface Record {
  readonly command: string;
  /** The version of which it was made. */
  readonly follows: number;
}

export type Appended = { readonly kind: "stored"; readonly version: number } | { readonly kind: "conflict" };

/** A model of the event log. The version of an entity is the number of its records. */
export class EntityLog {
  readonly #records = new Map<string, Record[]>();
  readonly #isFenced: boolean;

  constructor(isFenced: boolean) {
    this.#isFenced = isFenced;
  }

  /** Refuses a record that does not follow the last one (I3). The same append again finds its own record (I5). */
  append(entity: string, expected: number, command: string): Appended {
    const records = this.read(entity);
    if (records[expected]?.command === command) return { kind: "stored", version: expected + 1 };
    if (this.#isFenced && records.length !== expected) return { kind: "conflict" };
    this.#records.set(entity, [...records, { command, follows: expected }]);
    return { kind: "stored", version: expected + 1 };
  }

  /** What does not follow the record before it; undefined: the chain is whole (I6). */
  brokenAt(entity: string): number | undefined {
    const at = this.read(entity).findIndex(({ follows }, index) => follows !== index);
    return at < 0 ? undefined : at;
  }

  read(entity: string): readonly Record[] {
    return this.#records.get(entity) ?? [];
  }
}
