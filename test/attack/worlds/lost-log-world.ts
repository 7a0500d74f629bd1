// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import { httpCaller } from "../calls.ts";
import type { OpenWorld } from "../world.ts";
import { proxyWorld } from "../world.ts";

const SHOPPING_CART = join(import.meta.dirname, "..", "..", "..", "samples", "shopping-cart", "main.ts");

const openShop = proxyWorld(SHOPPING_CART, () => ({}));

/**
 * A proxy whose log is taken away. After that it cannot serve any caller: it has to be unready, but alive. So there
 * are no bystanders, and only `/livez` is probed.
 */
export const openLostLogWorld: OpenWorld = async (scope, options) => {
  const world = await openShop(scope, options);
  return { ...world, probes: { "/livez": httpCaller(world.target.adminPort, "/livez") } };
};
