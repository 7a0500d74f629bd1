// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import type { SentCommand } from "./account.ts";

/**
 * Sends commands at a steady pace, whether or not earlier ones are answered.
 *
 * 1. Each command is sent once. Nothing is retried, so that the counts are what callers see.
 * 2. Bounded: beyond `MAX_OPEN` unanswered commands the next one fails at once, and beyond `MAX_COMMANDS` none is
 *    sent.
 */
export interface PacedLoad {
  /** How many commands have been acknowledged. */
  readonly acknowledged: number;
  /** Stops sending, waits for all answers, and returns the outcome of each command. */
  stop(): Promise<readonly SentCommand[]>;
}

const MAX_OPEN = 5_000;
const MAX_COMMANDS = 100_000;

/**
 * Starts a load. `send` carries out the command with this number, whose mark is `p<number>`, and rejects with the
 * caller's error.
 */
export function startLoad(perSecond: number, send: (number: number) => Promise<void>): PacedLoad {
  const done: SentCommand[] = [];
  let acknowledged = 0;
  const open = new Set<Promise<void>>();
  const stop = new AbortController();

  const sendOne = async (number: number): Promise<void> => {
    const sentMs = performance.now();
    const failure = await failureOf(() => {
      if (open.size >= MAX_OPEN) throw new Error(`${MAX_OPEN} commands are unanswered`);
      return send(number);
    });
    if (failure === undefined) acknowledged++;
    done.push({ mark: markOf(number), sentMs, answeredMs: performance.now(), failure });
  };

  const sending = (async () => {
    const startedMs = performance.now();
    for (let number = 0; number < MAX_COMMANDS && !stop.signal.aborted; number++) {
      await delay(Math.max(0, startedMs + (number * 1_000) / perSecond - performance.now()));
      const one = sendOne(number).finally(() => open.delete(one));
      open.add(one);
    }
  })();

  return {
    get acknowledged() {
      return acknowledged;
    },
    stop: async () => {
      stop.abort();
      await sending;
      await Promise.all(open);
      return done;
    },
  };
}

export function markOf(number: number): string {
  return `p${number}`;
}

async function failureOf(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
