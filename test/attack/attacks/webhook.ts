// SPDX-License-Identifier: Apache-2.0

import type { Attack } from "../attack.ts";
import { webhookWay } from "../webhook/ways.ts";
import { openWebhookWorld, WEBHOOK_MEMORY } from "../worlds/webhook-world.ts";

export const attack: Attack = {
  name: "webhook",
  about: "questions that are large, that become large, or whose answers are not read, to the webhook",
  bounds: [
    "webhook-max-body-bytes",
    "webhook-max-pending-bytes",
    "webhook-max-json-values",
    "webhook-request-timeout",
  ],
  seconds: { long: 5, short: 2 },
  memory: WEBHOOK_MEMORY,
  openWorld: openWebhookWorld,
  ways: {
    "half-bodies": webhookWay("half-bodies"),
    "many-values": webhookWay("many-values"),
    "many-keys": webhookWay("many-keys"),
    "whole-reviews": webhookWay("whole-reviews"),
    "long-refusals": webhookWay("long-refusals"),
  },
};
