// SPDX-License-Identifier: Apache-2.0

import { randomUUID } from "node:crypto";

import type { Account, SentCommand } from "./account.ts";
import { account } from "./account.ts";
import type { CartService } from "./cart-service.ts";
import { markOf, startLoad } from "./paced-load.ts";

/** One read that followed an acknowledged addition. */
export interface Read {
  readonly sentMs: number;
  /** What its caller got, if that was an error. */
  readonly failure: string | undefined;
  /** Marks that had been acknowledged before it was sent, and that it did not show. */
  readonly missing: readonly string[];
}

export interface ReadingOutcome {
  /** The additions. */
  readonly sent: readonly SentCommand[];
  readonly reads: readonly Read[];
  /** Compares the additions with the content of the carts, which it reads. */
  account(): Promise<Account>;
}

/**
 * Commands at a steady pace to many carts: half of them add a product, and each of these is followed by a read over
 * another connection, which has to show everything that was acknowledged of its cart before it was sent.
 */
export interface ReadingLoad {
  /** How many additions have been acknowledged. */
  readonly acknowledged: number;
  /** Stops sending, and waits for all answers. */
  stop(): Promise<ReadingOutcome>;
}

/** Carts that are read at the same time when everything is over. */
const READERS = 20;

/** What the load uses of a service. */
export type Carts = Pick<CartService, "add" | "items" | "otherWay">;

/**
 * @param perSecond additions and reads together
 * @param carts how many there are; each addition goes to the next one
 */
export function startReadingLoad(service: Carts, perSecond: number, carts: number): ReadingLoad {
  const run = randomUUID().slice(0, 8);
  const nameOf = (cart: number): string => `load-${run}-${cart}`;
  const known = Array.from({ length: carts }, () => new Set<string>());
  const reads: Read[] = [];
  const open = new Set<Promise<void>>();

  const read = async (cart: number, mark: string): Promise<void> => {
    const sentMs = performance.now();
    const expected = [...(known[cart] ?? [])];
    try {
      const shown = await service.items(nameOf(cart), service.otherWay(mark));
      reads.push({ sentMs, failure: undefined, missing: expected.filter((each) => !shown.has(each)) });
    } catch (error) {
      reads.push({ sentMs, failure: (error as Error).message, missing: [] });
    }
  };
  const load = startLoad(perSecond / 2, async (number) => {
    const cart = number % carts;
    await service.add(nameOf(cart), markOf(number));
    known[cart]?.add(markOf(number));
    const reading = read(cart, markOf(number)).finally(() => open.delete(reading));
    open.add(reading);
  });

  return {
    get acknowledged() {
      return load.acknowledged;
    },
    stop: async () => {
      const sent = await load.stop();
      await Promise.all(open);
      return { sent, reads, account: async () => account(sent, await contentOf(service, carts, nameOf)) };
    },
  };
}

/** How often each mark is in any of the carts. */
async function contentOf(
  service: Carts,
  carts: number,
  nameOf: (cart: number) => string,
): Promise<ReadonlyMap<string, number>> {
  const content = new Map<string, number>();
  for (let first = 0; first < carts; first += READERS) {
    const numbers = Array.from({ length: Math.min(READERS, carts - first) }, (_, index) => first + index);
    const found = await Promise.all(numbers.map((cart) => service.items(nameOf(cart))));
    for (const [mark, times] of found.flatMap((each) => [...each]))
      content.set(mark, (content.get(mark) ?? 0) + times);
  }
  return content;
}
