// SPDX-License-Identifier: Apache-2.0

import type { Clock, Random } from "../../pkg/base/mod.ts";

import type { BoundName } from "./bounds.ts";
import type { Counts, Tally } from "./tally.ts";
import type { Target } from "./target.ts";
import type { OpenWorld, World } from "./world.ts";

/**
 * An attack: what one sender does to deprive other callers of the proxy. A file in `attacks/` exports one as
 * `attack`. Nothing else is needed for it to run.
 *
 * 1. It sends only to loopback addresses, and the seed decides everything it sends.
 * 2. It ends by itself, when its work is done or when the signal aborts it.
 * 3. It runs in its own process, so that its work does not count in the bystander's times.
 */
export interface Attack {
  /** What `--only` names. */
  readonly name: string;
  /** One line for people. */
  readonly about: string;
  /**
   * The settings that hold off the attack. With all of them at their greatest value the measure must fail. Otherwise
   * the attack proves nothing.
   */
  readonly bounds: readonly BoundName[];
  /** Variants of the attack, such as protocols. `--short` runs all of them at once. */
  readonly ways: Readonly<Record<string, Way>>;
  /** The variants that `--short` runs, if not all. */
  readonly shortWays?: readonly string[];
  /** How long it may send, in seconds; by default 15, and 1.5 with `--short`. */
  readonly seconds?: { readonly long: number; readonly short: number };
  /** Processes that share its work; by default one. */
  readonly processes?: number;
  /** Flags of the proxy, by name, that the attack needs. */
  readonly proxyFlags?: Readonly<Record<string, string>>;
  /** What is attacked, if not the proxy in front of `target/function.ts`. */
  readonly openWorld?: OpenWorld;
  /** The memory bound of the target's cgroup, and the memory that it must stay under, if they are not the defaults. */
  readonly memory?: { readonly limitMib: number; readonly maxMib: number };
  /** True if it measures memory. The bystanders' latencies are then shown and not judged. */
  readonly measuresMemory?: boolean;
  /** True if it sends everything at one moment. The bystanders' p99 then has to be under a second. */
  readonly isBurst?: boolean;
  /** Further conditions after the attack. Returns the violations. It runs in the process that watches. */
  readonly check?: (world: World, counts: Counts) => readonly string[];
}

/**
 * Resolves when everything is sent. Rejects if the attack could not be made, which does not mean that the proxy
 * withstood it.
 */
export type Way = (target: Target, tools: Tools) => Promise<void>;

export interface Tools {
  readonly random: Random;
  readonly clock: Clock;
  /** Aborted when the time of the attack is over. */
  readonly signal: AbortSignal;
  readonly tally: Tally;
  /** Which part of the work this process does, of how many. */
  readonly share: { readonly index: number; readonly of: number };
}
