// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { describeAccount } from "./lib/account.ts";
import { createCart } from "./lib/cart-service.ts";
import { kn } from "./lib/command-line.ts";

const PER_SECOND = 50;
const ROUNDS = 5;

test.serial(
  "ten moves between revisions under load, forward and back: nothing lost, nothing doubled",
  async (t) => {
    const cart = await createCart(t, "rolling");
    const load = cart.startLoad(PER_SECOND);
    for (let round = 1; round <= ROUNDS; round++) {
      await kn("service", "update", "rolling", "--env", `ROUND=${round}`, "--traffic", "@latest=100");
      await kn("service", "update", "rolling", "--traffic", "rolling-00001=100");
    }
    const found = await cart.accountFor(await load.stop());
    t.log(describeAccount(found));
    t.like(found, { lost: [], doubled: [], foreign: [] });
  },
);
