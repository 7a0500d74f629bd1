// SPDX-License-Identifier: Apache-2.0

/** What may become of an answer: it leaves, or it never does because the tenure in which its command began is over. */
export type Pass = "reply" | "over";

/** A command that has begun on a shard that this proxy owns. */
export interface Admission {
  /** Whether the answer may leave now (I1, I8). A promise if it waits for a renewed lease. Never rejects. */
  pass(): Pass | Promise<Pass>;
  /** Called once, when the answer has passed or will not. The shard is not handed over before (I9). */
  end(): void;
}

/** Lets commands begin on shards of this proxy, and their answers leave. */
export interface ReplyGate {
  /** Undefined: the shard is not served here any more; ask the placement again. */
  begin(shard: number): Admission | undefined;
}
