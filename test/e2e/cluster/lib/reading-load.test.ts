// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { until } from "../../../lib/until.ts";
import type { Carts } from "./reading-load.ts";
import { startReadingLoad } from "./reading-load.ts";

/** Carts in memory, whose n-th addition or read goes wrong if it is told to. */
function carts(faults: {
  readonly stale?: number;
  readonly twice?: number;
  readonly refused?: number;
}): Carts {
  const content = new Map<string, Map<string, number>>();
  const of = (cart: string): Map<string, number> => {
    const found = content.get(cart) ?? new Map<string, number>();
    content.set(cart, found);
    return found;
  };
  const counts = { added: 0, read: 0 };
  return {
    async add(cart, product) {
      counts.added++;
      of(cart).set(product, counts.added === faults.twice ? 2 : 1);
    },
    async items(cart) {
      counts.read++;
      if (counts.read === faults.refused) throw new Error("no");
      const shown = [...of(cart)];
      return new Map(counts.read === faults.stale ? shown.slice(0, -1) : shown);
    },
    otherWay: () => "http",
  };
}

async function outcomeOf(service: Carts) {
  const load = startReadingLoad(service, 2_000, 3);
  await until("some are added", () => load.acknowledged >= 12);
  return load.stop();
}

test("all that is added is found, by the read that follows and at the end", async (t) => {
  const { sent, reads, account } = await outcomeOf(carts({}));
  t.is(reads.length, sent.length);
  t.true(reads.every(({ failure, missing }) => failure === undefined && missing.length === 0));
  t.like(await account(), { acknowledged: sent.length, failed: 0, lost: [], doubled: [], foreign: [] });
});

test("a read that misses what was acknowledged is found, and so are failed reads and doubled additions", async (t) => {
  const { sent, reads, account } = await outcomeOf(carts({ stale: 5, refused: 7, twice: 3 }));
  t.deepEqual(
    reads.flatMap(({ missing }) => missing),
    [sent[4]?.mark],
  );
  t.deepEqual(
    reads.flatMap(({ failure }) => failure ?? []),
    ["no"],
  );
  t.like(await account(), { lost: [], doubled: [sent[2]?.mark] });
});
