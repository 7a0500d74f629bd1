// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { NatsPlace } from "../servers.ts";
import { openNatsPlace } from "../servers.ts";
import { podNames } from "./measure-pod-rows.ts";
import type { Pod } from "./pod.ts";
import { startPod, untilSettled } from "./pod.ts";
import type { PodsSettings } from "./settings.ts";

/** What pods do at their start has ended after so long. */
const CALM_MS = 5_000;
const COUNT_MS = 20_000;
const QUICK_MS = 1_000;

/** Messages a second between the pods of an idle service and NATS, as the server counts them. */
export interface IdleMessages {
  readonly pods: number;
  /** From pods to the server. */
  readonly sent: number;
  /** From the server to pods. */
  readonly delivered: number;
}

/** With one pod, and with all of them. */
export async function measureIdle({ pods, folder, quick, say }: PodsSettings): Promise<IdleMessages[]> {
  await using place = await openNatsPlace("nats", join(folder, "idle"));
  await using stack = new AsyncDisposableStack();
  const running: Pod[] = [];
  const counted: IdleMessages[] = [];
  for (const name of podNames(pods)) {
    running.push(await startPod({ place, service: "idle", name }, stack));
    if (running.length !== 1 && running.length !== pods) continue;
    await untilSettled(running);
    say(`counting the messages of ${running.length} idle pods`);
    await delay(quick ? 0 : CALM_MS);
    counted.push({ pods: running.length, ...(await countMessages(place, quick ? QUICK_MS : COUNT_MS)) });
  }
  return counted;
}

async function countMessages(place: NatsPlace, forMs: number): Promise<Omit<IdleMessages, "pods">> {
  const before = await countersOf(place);
  const startMs = performance.now();
  await delay(forMs);
  const after = await countersOf(place);
  const seconds = (performance.now() - startMs) / 1_000;
  return { sent: (after.in - before.in) / seconds, delivered: (after.out - before.out) / seconds };
}

async function countersOf({ monitorUrl }: NatsPlace): Promise<{ readonly in: number; readonly out: number }> {
  const answer = await fetch(`${monitorUrl}/varz`);
  const { in_msgs, out_msgs } = (await answer.json()) as { in_msgs: number; out_msgs: number };
  return { in: in_msgs, out: out_msgs };
}
