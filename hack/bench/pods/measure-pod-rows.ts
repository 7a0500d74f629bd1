// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import type { RunJob } from "../children.ts";
import { nextMessage, startProgram, stopProgram } from "../children.ts";
import type { Job, Load, LoadCall, MessageSizes } from "../loader/job.ts";
import { range } from "../loader/job.ts";
import { openNatsPlace } from "../servers.ts";
import type { PodCase, Targets } from "./cases.ts";
import { caseOf, ENTITIES, jobOf, POD_CASES } from "./cases.ts";
import { forwardedDuring } from "./forwarded-sizes.ts";
import type { Look, Pod } from "./pod.ts";
import { cartsByOwner, ownersIn, startPod, untilSettled } from "./pod.ts";
import type { PodsSettings } from "./settings.ts";

const WARM_UP_CALLERS = 64;
const WARM_UP_SECONDS = 2;
/** Of a round, this part comes before it and does not count, but no more than so much. */
const ROUND_WARM_UP_PART = 0.3;
const ROUND_WARM_UP_MS = 1_200;

/** A case with a number of callers, and what each round gave. */
export interface PodLoads {
  readonly measured: PodCase;
  readonly callers: number;
  readonly rounds: readonly Load[];
}

/** The rows, and how large the messages between the pods were. */
export interface PodRows {
  readonly rows: readonly PodLoads[];
  readonly sizes: ReadonlyMap<LoadCall, MessageSizes>;
}

/**
 * Measures commands at the pod that owns their cart and at others, with several pods that share the carts of one
 * service, with one pod of another service, and bare requests over NATS. All of them run the whole time, with one
 * server of NATS; one at a time has work. Each round goes through all cases.
 */
export async function measurePodRows(settings: PodsSettings): Promise<PodRows> {
  const { pods: count, callers: callerNumbers, seconds, rounds: roundCount, folder, loader, say } = settings;
  await using stack = new AsyncDisposableStack();
  const place = stack.use(await openNatsPlace("nats", join(folder, "rows")));
  for (const program of range(0, count)) {
    const args = [String(place.port), String(program)];
    const echo = startProgram(new URL("../nats-echo.ts", import.meta.url), { args });
    stack.defer(() => stopProgram(echo));
    await nextMessage(echo);
  }
  const pods: Pod[] = [];
  for (const name of podNames(count)) pods.push(await startPod({ place, service: "shared", name }, stack));
  const alone = await startPod({ place, service: "alone", name: "pod-alone" }, stack);
  const before = ownersOf(await untilSettled(pods), pods);
  await untilSettled([alone]);
  const sizes = new Map<LoadCall, MessageSizes>();
  const targets: Targets = {
    ports: pods.map(({ proxy }) => proxy.port),
    owned: cartsByOwner(
      ENTITIES,
      before,
      pods.map(({ name }) => name),
    ),
    alonePort: alone.proxy.port,
    natsPort: place.port,
    sizesOf: (call) => sizes.get(call) ?? { requestBytes: 0, answerBytes: 0 },
  };
  const run = async (what: string, measured: PodCase, job: Pick<Job, "callers" | "until">): Promise<Load> => {
    say(what);
    const beforeMs = cpuMsOf(pods);
    const load = await loader(what, { ...jobOf(measured, targets), ...job });
    return { ...load, cpuUs: ((cpuMsOf(pods) - beforeMs) * 1_000) / load.allCalls };
  };
  await fill(run);
  for (const call of ["addItem", "getCart"] as const)
    sizes.set(call, await sizesOfForwarded(place.port, call, targets, loader));
  const measureMs = Math.min(WARM_UP_SECONDS, seconds) * 1_000;
  for (const measured of POD_CASES)
    await run(`warming up ${measured.name}`, measured, {
      callers: WARM_UP_CALLERS,
      until: { kind: "time", warmUpMs: 0, measureMs },
    });
  const rows = POD_CASES.flatMap((measured) =>
    callerNumbers.map((callers) => ({ measured, callers, rounds: [] as Load[] })),
  );
  const roundMs = (seconds * 1_000) / roundCount;
  const warmUpMs = Math.min(ROUND_WARM_UP_MS, roundMs * ROUND_WARM_UP_PART);
  for (const callers of callerNumbers)
    for (let round = 1; round <= roundCount; round++)
      for (const row of rows.filter((each) => each.callers === callers)) {
        const what = `${row.measured.name}, ${callers} callers, round ${round} of ${roundCount}`;
        const until = { kind: "time", warmUpMs, measureMs: roundMs } as const;
        const load = await run(what, row.measured, { callers, until });
        if (load.calls === 0) throw new Error(`${what}: no call was both begun and answered in time`);
        row.rounds.push(load);
      }
  if (ownersOf(await untilSettled(pods), pods).join() !== before.join())
    throw new Error("the carts have other owners now than when they were measured");
  return { rows, sizes };
}

/** Processor time so far of all proxies of the pods, without their user functions. */
function cpuMsOf(pods: readonly Pod[]): number {
  return pods.reduce((sum, { proxy }) => sum + proxy.cpuMs(), 0);
}

export function podNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `pod-${index + 1}`);
}

function ownersOf(look: Look, pods: readonly Pod[]): readonly string[] {
  return ownersIn(look, pods.map(({ name }) => name).sort()) ?? [];
}

/** Every cart gets its line, at the pods that share them and at the one that is alone. */
async function fill(
  run: (what: string, measured: PodCase, job: Pick<Job, "callers" | "until">) => Promise<Load>,
): Promise<void> {
  for (const way of ["owner", "one pod"] as const)
    await run(`filling the carts of ${way}`, caseOf(way, "addItem"), {
      callers: WARM_UP_CALLERS,
      until: { kind: "calls", perEntity: 1 },
    });
}

/** Calls each cart once at its owner and once at another pod, and checks that only the latter are forwarded. */
async function sizesOfForwarded(
  natsPort: number,
  call: LoadCall,
  targets: Targets,
  loader: RunJob,
): Promise<MessageSizes> {
  const callAll = (way: "owner" | "forwarded") =>
    forwardedDuring(natsPort, () =>
      loader(`looking at what is forwarded of ${call}`, {
        ...jobOf(caseOf(way, call), targets),
        callers: targets.ports.length,
        until: { kind: "calls", perEntity: 1 },
      }),
    );
  const local = await callAll("owner");
  const forwarded = await callAll("forwarded");
  // Before it runs a job, the loader tries each pod with a cart of its own, which may be anybody's.
  const tries = targets.ports.length;
  if (local.requests > tries || forwarded.requests < ENTITIES.length)
    throw new Error(
      `of ${ENTITIES.length} calls, ${local.requests} to the owners and ${forwarded.requests} to others were forwarded`,
    );
  return forwarded.sizes;
}
