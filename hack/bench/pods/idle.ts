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

/** Messages a second between the pods of an idle service and NATS, as the server counts them for each connection. */
export interface IdleMessages {
  readonly pods: number;
  /** Of what pods tell each other and write down of who owns what, from pods to the server. */
  readonly sent: number;
  /** The same, from the server to pods. */
  readonly delivered: number;
  /** Of their logs, which each pod checks by itself, in both directions. */
  readonly ofLogs: number;
}

interface Counters {
  readonly sent: number;
  readonly delivered: number;
  readonly ofLogs: number;
}

/** The page `/connz` of the server. */
interface Connections {
  readonly connections: readonly {
    readonly name?: string;
    readonly in_msgs: number;
    readonly out_msgs: number;
  }[];
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

async function countMessages(place: NatsPlace, forMs: number): Promise<Counters> {
  const before = await countersOf(place);
  const startMs = performance.now();
  await delay(forMs);
  const after = await countersOf(place);
  const seconds = (performance.now() - startMs) / 1_000;
  const perSecond = (of: keyof Counters): number => (after[of] - before[of]) / seconds;
  return { sent: perSecond("sent"), delivered: perSecond("delivered"), ofLogs: perSecond("ofLogs") };
}

/** A pod has a connection of its own for what it shares with others, so that its log delays nothing of that. */
async function countersOf({ monitorUrl }: NatsPlace): Promise<Counters> {
  const answer = await fetch(`${monitorUrl}/connz`);
  const { connections } = (await answer.json()) as Connections;
  let [sent, delivered, ofLogs] = [0, 0, 0];
  for (const { name = "", in_msgs, out_msgs } of connections)
    if (name.endsWith(" cluster")) [sent, delivered] = [sent + in_msgs, delivered + out_msgs];
    else ofLogs += in_msgs + out_msgs;
  return { sent, delivered, ofLogs };
}
