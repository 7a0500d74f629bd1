// SPDX-License-Identifier: Apache-2.0

import type { ReplyDecision, Ticket } from "../node/mod.ts";

import type { Admission, Pass } from "../reply-gate.ts";

/** What the cluster node decides of a command that has begun. */
export interface TicketDesk {
  mayReply(ticket: Ticket): ReplyDecision;
  end(ticket: Ticket): void;
}

/**
 * The commands that have begun on shards of this proxy, and those of their answers that wait for a lease.
 *
 * 1. An answer that waits is decided again at each `askAgain`, and each is told the decision of that moment.
 * 2. After `close` nothing waits any more, and every answer is `over`.
 */
export class Admissions {
  readonly #desk: TicketDesk;
  readonly #waiting = new Map<Ticket, (pass: Pass) => void>();
  #isClosed = false;

  constructor(desk: TicketDesk) {
    this.#desk = desk;
  }

  admit(ticket: Ticket): Admission {
    return { pass: () => this.#pass(ticket), end: () => this.#desk.end(ticket) };
  }

  askAgain(): void {
    for (const [ticket, tell] of this.#waiting) {
      const pass = this.#decide(ticket);
      if (pass === "wait") continue;
      this.#waiting.delete(ticket);
      tell(pass);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.askAgain();
  }

  #pass(ticket: Ticket): Pass | Promise<Pass> {
    const pass = this.#decide(ticket);
    if (pass !== "wait") return pass;
    return new Promise((resolve) => this.#waiting.set(ticket, resolve));
  }

  #decide(ticket: Ticket): ReplyDecision {
    return this.#isClosed ? "over" : this.#desk.mayReply(ticket);
  }
}
