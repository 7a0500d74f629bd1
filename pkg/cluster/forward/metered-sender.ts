// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../../base/mod.ts";
import { getOrMake } from "../../base/mod.ts";
import { StatusError } from "../../grpc/mod.ts";
import type { Counter, Meter } from "../../telemetry/mod.ts";

import { CLUSTER_METRICS } from "../metrics.ts";
import type { PeerId } from "../placement.ts";
import type { ForwardCaller, ForwardRequest } from "./caller.ts";

/** Asks other proxies, and counts and times what becomes of it. */
export class MeteredSender {
  readonly #caller: Pick<ForwardCaller, "call">;
  readonly #meter: Meter;
  readonly #clock: Clock;
  readonly #outcomes = new Map<string, Counter>();
  readonly #duration;

  constructor(caller: Pick<ForwardCaller, "call">, meter: Meter, clock: Clock) {
    this.#caller = caller;
    this.#meter = meter;
    this.#clock = clock;
    this.#duration = meter.histogram(CLUSTER_METRICS.forwardDuration, {});
  }

  /** @throws what `ForwardCaller` throws. */
  async call(peer: PeerId, request: ForwardRequest): Promise<Uint8Array> {
    const sinceMs = this.#clock.monotonicMs();
    let outcome = "answered";
    try {
      return await this.#caller.call(peer, request);
    } catch (thrown) {
      outcome = thrown instanceof StatusError ? thrown.code : "INTERNAL";
      throw thrown;
    } finally {
      this.#outcome(outcome).add(1);
      this.#duration.record((this.#clock.monotonicMs() - sinceMs) / MS_PER_SECOND);
    }
  }

  #outcome(outcome: string): Counter {
    return getOrMake(this.#outcomes, outcome, () =>
      this.#meter.counter(CLUSTER_METRICS.forwarded, { outcome }),
    );
  }
}

const MS_PER_SECOND = 1_000;
