// SPDX-License-Identifier: Apache-2.0

import type { EntityLog } from "./entity-log.ts";

/** A command as its caller sees it. */
export interface Command {
  readonly name: string;
  readonly kind: "read" | "write";
  readonly entity: string;
  readonly shard: number;
  /** The newest version of the entity that anybody had been shown when it was sent first. */
  readonly floor: number;
}

/** What a caller or another proxy learns of a command. */
export type Answer = { readonly kind: "version"; readonly version: number } | { readonly kind: "failed" };

export type OnAnswer = (answer: Answer) => void;

/**
 * Judges the answers of all commands. Each answer shows a version of an entity, which is its place in the log. Commands
 * are linearizable if none is older than what anybody had been shown before it was sent.
 */
export class History {
  readonly #shown = new Map<string, number>();
  readonly #writers = new Map<string, string>();
  readonly #answers = new Map<string, number>();
  readonly #log: EntityLog;

  constructor(log: EntityLog) {
    this.#log = log;
  }

  /** The newest version that anybody was shown. */
  shown(entity: string): number {
    return this.#shown.get(entity) ?? 0;
  }

  /** What is wrong with an answer; undefined if nothing is. */
  problemOf({ name, kind, entity, floor }: Command, version: number): string | undefined {
    const before = this.#answers.get(name);
    const place = `${entity} at version ${version}`;
    if (kind === "write") {
      if (before !== undefined && before !== version)
        return `${name} was answered twice, with versions ${before} and ${version}`;
      const writer = this.#writers.get(place) ?? name;
      if (writer !== name) return `${name} and ${writer} were both acknowledged for ${place}`;
      if (this.#log.read(entity)[version - 1]?.command !== name)
        return `${name} was acknowledged for ${place}, which is not in the log`;
      if (before === undefined && version <= floor)
        return `${name} wrote ${place}, but version ${floor} had been shown before it was sent`;
      this.#writers.set(place, name);
    } else if (version < floor) {
      return `${name} read ${place}, but version ${floor} had been shown before it was sent`;
    }
    this.#answers.set(name, version);
    this.#shown.set(entity, Math.max(this.shown(entity), version));
    return undefined;
  }
}
