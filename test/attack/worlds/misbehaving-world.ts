// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import { COUNTER_SERVICE, counterRequest } from "../../lib/counter.ts";
import { grpcCaller, httpCaller } from "../calls.ts";
import { proxyWorld } from "../world.ts";

const FUNCTION = join(import.meta.dirname, "..", "misbehaving", "function.ts");

/** A proxy in front of a user function that misbehaves, but answers the bystander well. */
export const openMisbehavingWorld = proxyWorld(FUNCTION, (port) => ({
  JSON: httpCaller(port, `/${COUNTER_SERVICE}/Get`, { body: JSON.stringify({ id: "bystander" }) }),
  gRPC: grpcCaller(port, `/${COUNTER_SERVICE}/Get`, counterRequest("bystander")),
}));
