// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import { addToken } from "../lib/carts.ts";
import { httpClient } from "../lib/http-client.ts";

/** Settings of a measurement that takes the log from a proxy while it serves shopping carts. */
export interface LostLogRun {
  readonly port: number;
  readonly adminPort: number;
  /** Takes the log away: deletes its file, or its streams. */
  readonly lose: () => Promise<void> | void;
  /** Callers that add to a cart of their own, one call after the other. */
  readonly callers: number;
  /**
   * How long they call before and after the loss, in milliseconds. After the loss they call at least until the proxy
   * is not ready.
   */
  readonly beforeMs: number;
  readonly afterMs: number;
  /** A proxy that is still ready so long after the loss has not noticed it, in milliseconds; by default 30 s. */
  readonly mostReadyMs?: number;
}

export interface LostLog {
  /** Tokens (products with unique names) that were acknowledged before the loss, by cart. */
  readonly before: ReadonlyMap<string, readonly string[]>;
  /** Calls that began after the loss and were acknowledged: how long after it, in milliseconds. */
  readonly acknowledgedAfterMs: readonly number[];
  /** Calls that began after the loss and were refused, by their code. */
  readonly refused: ReadonlyMap<string, number>;
  /** Time from the loss to the first `/readyz` that was not 200, in milliseconds; undefined if there was none. */
  readonly unreadyAfterMs: number | undefined;
  /** The text of that `/readyz`. */
  readonly readyz: string;
}

const READYZ_INTERVAL_MS = 20;

const MOST_READY_MS = 30_000;

/** Puts load on a proxy, takes its log away, and reports what the proxy acknowledged and answered afterwards. */
export async function loseLog(run: LostLogRun): Promise<LostLog> {
  const before = new Map<string, string[]>();
  const acknowledgedAfterMs: number[] = [];
  const refused = new Map<string, number>();
  let lostMs = Number.POSITIVE_INFINITY;
  const over = new AbortController();
  const call = async (cart: string): Promise<void> => {
    const client = httpClient(run.port, { connections: 1 });
    const tokens: string[] = [];
    before.set(cart, tokens);
    for (let number = 0; !over.signal.aborted; number++) {
      const beganMs = performance.now();
      const token = `${cart}-${number}`;
      const answer = await addToken(client, cart, token);
      if (beganMs >= lostMs) {
        const { errorCode = "none" } = answer;
        if (answer.status === 200) acknowledgedAfterMs.push(performance.now() - lostMs);
        else refused.set(errorCode, (refused.get(errorCode) ?? 0) + 1);
      } else if (answer.status === 200 && performance.now() < lostMs) tokens.push(token);
      // A refusal costs the proxy almost nothing. Without this pause the callers would get nothing but refusals.
      if (answer.status !== 200) await delay(5);
    }
    client.close();
  };
  const calling = Array.from({ length: run.callers }, (_, index) => call(`lost-${index}`));
  await delay(run.beforeMs);
  await run.lose();
  lostMs = performance.now();
  const watching = watchReadiness(
    run.adminPort,
    lostMs + Math.max(run.afterMs, run.mostReadyMs ?? MOST_READY_MS),
  );
  const [{ firstMs, text }] = await Promise.all([watching, delay(run.afterMs)]);
  over.abort();
  await Promise.all(calling);
  const unreadyAfterMs = firstMs === undefined ? undefined : firstMs - lostMs;
  return { before, acknowledgedAfterMs, refused, unreadyAfterMs, readyz: text };
}

/** The time of the first `/readyz` that is not 200, and its text. */
async function watchReadiness(
  adminPort: number,
  untilMs: number,
): Promise<{ readonly firstMs: number | undefined; readonly text: string }> {
  const admin = httpClient(adminPort, { connections: 1 });
  try {
    while (performance.now() < untilMs) {
      const { status, body } = await admin.call("/readyz");
      if (status !== 200) return { firstMs: performance.now(), text: body };
      await delay(READYZ_INTERVAL_MS);
    }
    return { firstMs: undefined, text: "" };
  } finally {
    admin.close();
  }
}
