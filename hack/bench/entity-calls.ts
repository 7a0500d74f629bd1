// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import { cartId } from "./carts.ts";
import type { JobProcess } from "./job-process.ts";
import type { LoadCall, LoadJob } from "./messages.ts";

/** Lets the proxy read one entity, and gives how long its caller waited. */
export async function activationMs(
  loader: JobProcess<LoadJob>,
  port: number,
  entity: number,
): Promise<number> {
  const { p50Us } = await loader.run(`activating ${entity}`, eachOnce(port, "getCart", [entity]));
  return p50Us / 1_000;
}

/** Carts that nobody ever fills: to look for one touches the log's index and none of its records. */
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
 * The cart has its item so many times. A call to a cart that is not there is answered well too, and sooner.
 *
 * @throws Error
 */
export async function checkCart(port: number, entity: number, quantity: number): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/carts/${cartId(entity)}`);
  const text = await answer.text();
  const { items = [] } = JSON.parse(text) as { items?: readonly { readonly quantity: number }[] };
  if (items.length !== 1 || items[0]?.quantity !== quantity) {
    throw new Error(`cart ${entity} should have its item ${quantity} times: ${text}`);
  }
}
