// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { SHARDS, shardOf } from "../../pkg/base/mod.ts";

import { CART_TYPE } from "../lib/carts.ts";
import type { Operation } from "../lib/history.ts";
import type { Move } from "./pauses.ts";
import { pausesOf, tooLong } from "./pauses.ts";

const MOVING = "cart-1";
const STAYING = "cart-2";

const MOVE: Move = {
  leaving: { fromUs: 10_000_000, toUs: 10_400_000 },
  starting: { fromUs: 10_400_000, toUs: 11_000_000 },
  coming: { fromUs: 11_000_000, toUs: 11_300_000 },
  shards: new Set([shardOf(CART_TYPE, MOVING)]),
};

/** A request at this second, which took so many milliseconds. */
function request(entity: string, atSeconds: number, tookMs: number): Operation {
  const callUs = atSeconds * 1_000_000;
  const outcome = { kind: "returned", returnUs: callUs + tookMs * 1_000 } as const;
  return { entity, process: "caller", action: { kind: "list" }, callUs, outcome } as Operation;
}

test("a request counts for what happened while it waited", (t) => {
  t.not(shardOf(CART_TYPE, MOVING), shardOf(CART_TYPE, STAYING), `of ${SHARDS} shards`);
  const pauses = pausesOf(
    [
      request(MOVING, 0, 900), // programs that have just started are slow
      request(MOVING, 5, 10),
      request(MOVING, 9.99, 100), // begins before the move, and ends in it
      request(STAYING, 10.1, 30),
      request(STAYING, 10.5, 40),
      request(MOVING, 10.6, 50),
      request(MOVING, 10.99, 60),
      request(STAYING, 11.2, 20),
      request(MOVING, 12, 700), // later
    ],
    [MOVE],
  );
  t.like(pauses, {
    steady: { requests: 1, longestMs: 10 },
    perSecond: 1 / 7,
    leaving: { requests: 1, longestMs: 100 },
    coming: { requests: 1, longestMs: 60 },
    staying: { requests: 2, longestMs: 30 },
    starting: { requests: 2, longestMs: 50 },
    moves: 1,
  });
});

test("a pause is too long if moving shards take so much longer than before", (t) => {
  const pauses = pausesOf(
    [request(STAYING, 0, 10), request(STAYING, 5, 10), request(MOVING, 10.25, 61)],
    [MOVE],
  );
  t.deepEqual(pauses && tooLong(pauses, 51), []);
  t.regex((pauses && tooLong(pauses, 50))?.join() ?? "", /more than 50 ms longer/);
  t.is(pausesOf([], []), undefined);
});
