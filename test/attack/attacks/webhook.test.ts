// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

import test from "ava";
import type { ExecutionContext } from "ava";
import { parse } from "yaml";

import { startWebhookProcess } from "../webhook-process.ts";
import type { WebhookProcess } from "../webhook-process.ts";

import { WEBHOOK_ATTACKS } from "./webhook.ts";
import type { WebhookAttack, WebhookAttackBounds } from "./webhook.ts";
import type { Tally, Target } from "./webhook-sender.ts";

const DEPLOYMENT = join(import.meta.dirname, "../../../config/core/500-webhook.yaml");

interface Container {
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly resources: { readonly limits: { readonly memory: string } };
}

/** The container as it is installed. */
const [CONTAINER] = (
  parse(readFileSync(DEPLOYMENT, "utf8")) as {
    readonly spec: { readonly template: { readonly spec: { readonly containers: readonly [Container] } } };
  }
).spec.template.spec.containers;

const LIMIT_MIB = Number(/^(\d+)Mi$/.exec(CONTAINER.resources.limits.memory)?.[1]);
const NODE_OPTIONS = CONTAINER.env.find(({ name }) => name === "NODE_OPTIONS")?.value ?? "";

/** Of the limit: the kernel counts its own buffers of sockets beside what is resident. */
const MOST_MIB = 0.8 * LIMIT_MIB;

/** The API server gives the webhook so long. */
const TIMEOUT_MS = 5_000;

const SEED = 1;
const BOUNDS: WebhookAttackBounds = { seed: SEED, connections: 60, bodyBytes: 3_500_000, durationMs: 2_000 };

/** A question of the API server: a service that is to become stateful. */
const REVIEW = {
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  request: {
    uid: "1",
    resource: { group: "serving.knative.dev", version: "v1", resource: "services" },
    operation: "CREATE",
    namespace: "default",
    object: {
      metadata: { name: "cart", annotations: { "perdure.dev/stateful": "true" } },
      spec: { template: { spec: { containers: [{ image: "cart" }] } } },
    },
  },
};

/** Runs the attack beside an API server's own questions, one after the other, which all have to be answered. */
async function attacked(
  t: ExecutionContext,
  webhook: WebhookProcess,
  attack: WebhookAttack,
  bounds: WebhookAttackBounds,
): Promise<Tally> {
  const target: Target = { host: "127.0.0.1", port: webhook.port, from: "127.0.0.2" };
  const worker = new Worker(new URL("./webhook-worker.ts", import.meta.url), {
    workerData: { attack, target, bounds },
  });
  const run: { tally?: Tally } = {};
  const ended = new Promise<Tally>((resolve, reject) => {
    worker.once("error", reject).once("message", (tally: Tally) => {
      run.tally = tally;
      resolve(tally);
    });
  });
  const times: number[] = [];
  do {
    const { status, ms, body } = await webhook.ask("/admit", REVIEW, TIMEOUT_MS);
    t.is(status, 200, body);
    times.push(ms);
  } while (run.tally === undefined);
  const tally = await ended;
  t.is((await webhook.ask("/livez")).status, 200);
  t.is((await webhook.ask("/readyz")).status, 200);
  const slowest = Math.round(Math.max(...times));
  const answers = [...tally.statuses].map(([status, count]) => `${count} × ${status}`).join(", ") || "none";
  t.log(
    `${attack} (seed ${bounds.seed}): ${tally.connections} connections, ${Math.round(tally.bytes / 1e6)} MB; answers: ${answers}. ` +
      `Bystander: ${times.length} questions, the slowest ${slowest} ms. Memory so far at most ${Math.round(webhook.peakMiB())} MiB`,
  );
  return tally;
}

test.serial("none of the attacks takes the webhook's memory, or its answers to the API server", async (t) => {
  t.true(LIMIT_MIB > 0 && NODE_OPTIONS !== "");
  t.timeout(300_000);
  const webhook = await startWebhookProcess(t, { NODE_OPTIONS });
  t.log(`at rest ${Math.round(webhook.peakMiB())} MiB, of ${LIMIT_MIB} MiB`);
  for (const attack of WEBHOOK_ATTACKS) {
    await attacked(t, webhook, attack, BOUNDS);
    t.true(webhook.peakMiB() < MOST_MIB, `${attack}: ${webhook.peakMiB()} MiB`);
  }
});

test.serial("ten thousand handshakes that do not end leave room for others", async (t) => {
  t.timeout(120_000);
  const webhook = await startWebhookProcess(t, { NODE_OPTIONS });
  for (const [attack, connections] of [
    ["half-handshakes", 10_000],
    ["silent", 1_000],
  ] as const) {
    const tally = await attacked(t, webhook, attack, { ...BOUNDS, connections });
    t.true(tally.connections >= connections);
    t.true(webhook.peakMiB() < MOST_MIB, `${attack}: ${webhook.peakMiB()} MiB`);
  }
});

test.serial("an attack goes to loopback only", async (t) => {
  const { attackWebhook } = await import("./webhook.ts");
  const target = { host: "10.0.0.1", port: 1 };
  await t.throwsAsync(attackWebhook("silent", target, { ...BOUNDS, connections: 1 }), {
    message: /loopback/,
  });
});
