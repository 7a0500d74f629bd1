// SPDX-License-Identifier: Apache-2.0

/** What messages between proxies and NATS are for. */
export type Purpose =
  /** A member says that it is there. */
  | "heartbeat"
  /** A member asks another whether it is there, or sends it a command. */
  | "talk"
  /** A request to the bucket or to the log, and its answer. */
  | "request"
  /** The bucket shows a change to a proxy that watches it. */
  | "watch";

export interface Count {
  /** From proxies to the server. */
  sent: number;
  /** From the server to proxies. */
  delivered: number;
}

/** Counts messages as a server of NATS does. What the server never gets, it does not count. */
export class Traffic {
  readonly counts: Readonly<Record<Purpose, Count>> = {
    heartbeat: { sent: 0, delivered: 0 },
    talk: { sent: 0, delivered: 0 },
    request: { sent: 0, delivered: 0 },
    watch: { sent: 0, delivered: 0 },
  };

  sent(purpose: Purpose): void {
    this.counts[purpose].sent++;
  }

  delivered(purpose: Purpose, messages = 1): void {
    this.counts[purpose].delivered += messages;
  }
}
