// SPDX-License-Identifier: Apache-2.0

import type { Attack } from "../attack.ts";
import { webhookWay } from "../webhook/ways.ts";
import { openWebhookWorld, WEBHOOK_MEMORY } from "../worlds/webhook-world.ts";

export const attack: Attack = {
  name: "webhook-floods",
  about: "connections and requests to the webhook that are many, and refused or without an end",
  // No setting. The way the webhook reads and refuses requests holds these off, and its rule that one address has at
  // most half of the connections.
  bounds: [],
  seconds: { long: 5, short: 2 },
  memory: WEBHOOK_MEMORY,
  openWorld: openWebhookWorld,
  ways: {
    "deep-json": webhookWay("deep-json"),
    "small-chunks": webhookWay("small-chunks"),
    pipelined: webhookWay("pipelined"),
    "half-headers": webhookWay("half-headers"),
    silent: webhookWay("silent", 600),
    "half-handshakes": webhookWay("half-handshakes", 2_000),
  },
  // The others would leave these no connection.
  shortWays: ["deep-json", "small-chunks", "pipelined", "half-headers"],
};
