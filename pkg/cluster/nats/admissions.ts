// SPDX-License-Identifier: Apache-2.0

import { getOrMake } from "../../base/mod.ts";
import type { Counter, Meter } from "../../telemetry/mod.ts";
import type { ReplyDecision, Ticket } from "../node/mod.ts";

import { CLUSTER_METRICS } from "../metrics.ts";
import type { Admission, Pass } from "../reply-gate.ts";

/** What the cluster node decides of a command that has begun. */
export interface TicketDesk {
  mayReply(ticket: Ticket): ReplyDecision;
  end(ticket: Ticket): void;
  readonly meter: Meter;
}

/**
 * The commands that have begun on shards of this proxy, and those of their answers that wait for a lease.
 *
 * 1. An answer that waits is decided again at each `askAgain`. One whose command ended is `over`.
 * 2. After `close` nothing waits any more, and every answer is `over`.
 */
export class Admissions {
  readonly #desk: TicketDesk;
  readonly #waiting = new Map<Ticket, PromiseWithResolvers<Pass>>();
  readonly #delayed: Counter;
  readonly #withheld: Counter;
  #isClosed = false;

  constructor(desk: TicketDesk) {
    this.#desk = desk;
    this.#delayed = desk.meter.counter(CLUSTER_METRICS.delayed, {});
    this.#withheld = desk.meter.counter(CLUSTER_METRICS.withheld, {});
  }

  admit(ticket: Ticket): Admission {
    return { pass: () => this.#pass(ticket), end: () => this.#end(ticket) };
  }

  askAgain(): void {
    for (const [ticket, wait] of this.#waiting) {
      const pass = this.#decide(ticket);
      if (pass === "wait") continue;
      this.#waiting.delete(ticket);
      if (pass === "over") this.#withheld.add(1);
      wait.resolve(pass);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.askAgain();
  }

  #pass(ticket: Ticket): Pass | Promise<Pass> {
    const pass = this.#decide(ticket);
    if (pass === "over") this.#withheld.add(1);
    if (pass !== "wait") return pass;
    return getOrMake(this.#waiting, ticket, () => {
      this.#delayed.add(1);
      return Promise.withResolvers<Pass>();
    }).promise;
  }

  #end(ticket: Ticket): void {
    this.#waiting.get(ticket)?.resolve("over");
    this.#waiting.delete(ticket);
    this.#desk.end(ticket);
  }

  #decide(ticket: Ticket): ReplyDecision {
    return this.#isClosed ? "over" : this.#desk.mayReply(ticket);
  }
}
