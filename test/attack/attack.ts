// SPDX-License-Identifier: Apache-2.0

import type { Clock, Random } from "../../pkg/base/mod.ts";

import type { BoundName } from "./bounds.ts";
import type { Counts, Tally } from "./tally.ts";
import type { OpenWorld, World } from "./world.ts";

/**
 * Something that one sender does to take the proxy from the others. A file in `attacks/` exports one as `attack`; that is
 * all that is needed for it to run.
 *
 * 1. It sends to loopback addresses alone, and nothing that the seed does not decide.
 * 2. It ends by itself: when it has done what it is to do, and when the signal says so.
 * 3. It runs in a process of its own, so that what it costs is not on the bystander's clock.
 */
export interface Attack {
  /** What `--only` names. */
  readonly name: string;
  /** One line for people. */
  readonly about: string;
  /** The settings that hold it: with all of them at their greatest value the measure must not hold, or it proves nothing. */
  readonly bounds: readonly BoundName[];
  /** The same attack by different ways, such as protocols. `--short` goes all ways at once. */
  readonly ways: Readonly<Record<string, Way>>;
  /** Those of them that `--short` goes, if not all. */
  readonly shortWays?: readonly string[];
  /** How long it may send, in seconds; by default 15, and 1.5 with `--short`. */
  readonly seconds?: { readonly long: number; readonly short: number };
  /** Processes that share its work; by default one. */
  readonly processes?: number;
  /** Flags of the proxy, by name, that the attack needs. */
  readonly proxyFlags?: Readonly<Record<string, string>>;
  /** What is attacked, if not the proxy in front of `target/function.ts`. */
  readonly openWorld?: OpenWorld;
  /** Of what is attacked, if that is not a proxy: the bound of its cgroup, and what it has to stay under. */
  readonly memory?: { readonly limitMib: number; readonly maxMib: number };
  /** True if it measures memory: how long the others wait is shown and not judged. */
  readonly measuresMemory?: boolean;
  /** What else must hold after the attack: the violations. It runs in the process that watches. */
  readonly check?: (world: World, counts: Counts) => readonly string[];
}

/** Resolves when all is sent; rejects if the attack could not be made, which is not the same as a proxy that withstands. */
export type Way = (target: Target, tools: Tools) => Promise<void>;

/** Where an attack sends to. It is handed to the attacking process as JSON. */
export interface Target {
  /** The public port of 127.0.0.1. */
  readonly port: number;
  readonly adminPort: number;
  /** Whatever else the world tells its attacks. */
  readonly facts: Readonly<Record<string, string | number>>;
}

export interface Tools {
  readonly random: Random;
  readonly clock: Clock;
  /** Aborted when the time of the attack is over. */
  readonly signal: AbortSignal;
  readonly tally: Tally;
  /** Which part of the work this process does, of how many. */
  readonly share: { readonly index: number; readonly of: number };
}

/** Where everything that is attacked listens, and nothing else: attacks go nowhere but to this machine. */
export const HOST = "127.0.0.1";
