// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import { cartId } from "./carts.ts";
import type { JobProcess } from "./job-process.ts";
import type { LoadCall, LoadJob } from "./messages.ts";

/** Lets the proxy activate one entity. Returns how long the caller waited, in milliseconds. */
export async function activationMs(
  loader: JobProcess<LoadJob>,
  port: number,
  entity: number,
): Promise<number> {
  const { p50Us } = await loader.run(`activating ${entity}`, eachOnce(port, "getCart", [entity]));
  return p50Us / 1_000;
}

/**
 * Number of the next cart that is never filled. A read of such a cart uses the log's index, but none of its records.
 */
let nextEmptyCart = 2_000_000_000;
const RECONNECT_TIMEOUT_MS = 20_000;
const RECONNECT_PAUSE_MS = 20;

/** Waits until the proxy reaches its log again. */
export async function untilLogIsRead(loader: JobProcess<LoadJob>, port: number): Promise<void> {
  const endMs = performance.now() + RECONNECT_TIMEOUT_MS;
  for (;;) {
    try {
      await activationMs(loader, port, nextEmptyCart++);
      return;
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await delay(RECONNECT_PAUSE_MS);
    }
  }
}

const FILLING_CALLERS = 32;

/** One call to each of the entities. */
export function eachOnce(port: number, call: LoadCall, entities: readonly number[]): LoadJob {
  const callers = Math.min(FILLING_CALLERS, entities.length);
  const until = { kind: "calls", perEntity: 1 } as const;
  return { port, protocol: "grpc", call, callers, entities, until };
}

/**
 * Checks that the cart holds its item `quantity` times, because a call to a missing cart also succeeds, and sooner.
 *
 * @throws Error if it does not.
 */
export async function checkCart(port: number, entity: number, quantity: number): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/carts/${cartId(entity)}`);
  const text = await answer.text();
  const { items = [] } = JSON.parse(text) as { items?: readonly { readonly quantity: number }[] };
  if (items.length !== 1 || items[0]?.quantity !== quantity) {
    throw new Error(`cart ${entity} should have its item ${quantity} times: ${text}`);
  }
}
