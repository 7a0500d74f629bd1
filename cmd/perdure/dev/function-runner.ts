// SPDX-License-Identifier: Apache-2.0

/**
 * Runs the user function as `restart-policy.ts` decides: this file has the effects, that one the decisions.
 *
 * 1. Events are taken one at a time, in the order in which they happen.
 * 2. At most one timer is pending: that of the last `wait`, until the state changes.
 * 3. The guard always knows the group that runs.
 */

import type { Clock, Random, Timer } from "../../../pkg/base/mod.ts";

import type { FunctionProcess } from "./function-process.ts";
import type { OrphanGuard } from "./orphan-guard.ts";
import type { Action, Event, News, RestartOptions, State, Step } from "./restart-policy.ts";
import { begin, decide } from "./restart-policy.ts";

export interface FunctionRunnerDependencies {
  readonly options: RestartOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly guard: OrphanGuard;
  readonly spawn: () => FunctionProcess;
  readonly onNews: (news: News) => void;
  /** Nothing will start it again. */
  readonly onGiveUp: () => void;
}

export class FunctionRunner {
  readonly #dependencies: FunctionRunnerDependencies;
  readonly #stopped = Promise.withResolvers<void>();
  #state: State = { kind: "resting" };
  #process: FunctionProcess | undefined;
  #timer: Timer | undefined;

  constructor(dependencies: FunctionRunnerDependencies) {
    this.#dependencies = dependencies;
  }

  start(): void {
    const { clock, options } = this.#dependencies;
    this.#enter(begin(clock.monotonicMs(), options));
  }

  changed(files: readonly string[]): void {
    this.#happen({ kind: "changed", files });
  }

  served(): void {
    this.#happen({ kind: "served" });
  }

  refused(): void {
    this.#happen({ kind: "refused" });
  }

  /** Ends the function for good. Resolves when nothing of it is left. */
  stop(): Promise<void> {
    this.#happen({ kind: "stop" });
    return this.#stopped.promise;
  }

  /** Kills the running function without waiting, for the last moment of this process. */
  kill(): void {
    this.#process?.kill();
  }

  #happen(event: Event): void {
    const { clock, options, random } = this.#dependencies;
    this.#enter(decide(this.#state, event, clock.monotonicMs(), options, random));
  }

  #enter({ state, actions }: Step): void {
    if (state !== this.#state) this.#timer?.cancel();
    this.#state = state;
    for (const action of actions) this.#perform(action);
    if (state.kind === "stopped") this.#stopped.resolve();
  }

  #perform(action: Action): void {
    const { clock, onNews, onGiveUp } = this.#dependencies;
    switch (action.kind) {
      case "spawn":
        return this.#spawn();
      case "terminate":
        return this.#process?.terminate();
      case "kill":
        return this.#process?.kill();
      case "wait":
        this.#timer = clock.schedule(action.ms, () => this.#happen({ kind: "timeUp" }));
        return;
      case "tell":
        return onNews(action.news);
      case "giveUp":
        return onGiveUp();
    }
  }

  #spawn(): void {
    const { spawn, guard } = this.#dependencies;
    const process = spawn();
    this.#process = process;
    guard.protect(process.group);
    void process.exited.then((exit) => {
      this.#process = undefined;
      guard.protect(undefined);
      this.#happen({ kind: "exited", exit });
    });
  }
}
