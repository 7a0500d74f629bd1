// SPDX-License-Identifier: Apache-2.0
// Runs one attack in another thread than the one that measures, so that it does not slow that down.

import { parentPort, workerData } from "node:worker_threads";

import { attackWebhook } from "./webhook.ts";
import type { WebhookAttack, WebhookAttackBounds } from "./webhook.ts";
import type { Target } from "./webhook-sender.ts";

const { attack, target, bounds } = workerData as {
  readonly attack: WebhookAttack;
  readonly target: Target;
  readonly bounds: WebhookAttackBounds;
};
parentPort?.postMessage(await attackWebhook(attack, target, bounds));
