// SPDX-License-Identifier: Apache-2.0

import { create, toBinary } from "@bufbuild/protobuf";
import test from "ava";

import { ProxyInfoSchema } from "../../../pkg/protocol/mod.ts";

import { until } from "../../lib/until.ts";
import type { CartService } from "./lib/cart-service.ts";
import { createCart, STATEFUL } from "./lib/cart-service.ts";
import { kubectl } from "./lib/command-line.ts";
import { podLog, textOf, timeOf } from "./lib/pod-log.ts";
import { watchPods } from "./lib/pod-watch.ts";
import { PROXY_CONTAINER, untilZero } from "./lib/pods.ts";

const TIMES = 10;

/** The parts of the way from zero to the first reply, in milliseconds, in their order. */
const PARTS = [
  "decision",
  "scheduling",
  "container start",
  "proxy ready",
  "activation",
  "first reply",
  "total",
] as const;
type Parts = Readonly<Partial<Record<(typeof PARTS)[number], number>>>;

/** Short, so that ten rounds do not take half an hour. */
const SOON_AT_ZERO = ["--scale-window", "6s"] as const;

/** At this level the proxy logs how long each activation took. */
const TALKATIVE = ["--annotation", "perdure.dev/log-level=debug"] as const;

test.serial("from zero to the first reply, beside a plain service with the same container", async (t) => {
  const stateful = await createCart(t, "cold", [...STATEFUL, ...TALKATIVE, ...SOON_AT_ZERO]);
  const plain = await createCart(t, "cold-plain", [...SOON_AT_ZERO]);
  const user = `ann-${Date.now()}`;
  await stateful.add(user, "p1");
  const discover = toBinary(ProxyInfoSchema, create(ProxyInfoSchema, { protocolMinorVersion: 2 }));

  const ours: Parts[] = [];
  const theirs: Parts[] = [];
  for (let i = 0; i < TIMES; i++) {
    await Promise.all([untilZero("cold"), untilZero("cold-plain")]);
    ours.push(
      await measure(stateful, async () => {
        t.is((await stateful.items(user)).get("p1"), 1);
      }),
    );
    theirs.push(
      await measure(plain, () => plain.grpc.callBytes("/cloudstate.EntityDiscovery/discover", discover)),
    );
  }
  t.log(`median of ${TIMES}, in ms (all of them)`);
  for (const part of PARTS) {
    const [of, than] = [ours, theirs].map((all) =>
      all.map((one) => one[part]).filter((ms) => ms !== undefined),
    );
    t.log(`${part.padEnd(16)} stateful ${describe(of ?? [])}  plain ${describe(than ?? [])}`);
  }
  t.log(`more than plain: ${Math.round(median(ours.map(totalOf)) - median(theirs.map(totalOf)))} ms`);
});

async function measure(service: CartService, ask: () => Promise<unknown>): Promise<Parts> {
  const watch = await watchPods(service.name);
  try {
    const askedMs = Date.now();
    await ask();
    const repliedMs = Date.now();
    await until("the pod was seen", () => watch.since(askedMs)[0]?.scheduledMs !== undefined);
    const [pod] = watch.since(askedMs);
    const { seenMs = askedMs, scheduledMs = askedMs, name = "" } = pod ?? {};
    const total = repliedMs - askedMs;
    const before = { decision: seenMs - askedMs, scheduling: scheduledMs - seenMs, total };
    const pod0 = await kubectl("get", "pod", name, "-o", "jsonpath={.spec.containers[*].name}");
    if (!pod0.includes(PROXY_CONTAINER)) return before;
    const log = await podLog(name, PROXY_CONTAINER);
    const [listeningMs, readyMs] = [timeOf(log, '"listening"'), timeOf(log, "ready http")];
    const { ms: activationMs } = JSON.parse(textOf(log, '"entity activated"')) as { readonly ms: number };
    return {
      ...before,
      "container start": listeningMs - scheduledMs,
      "proxy ready": readyMs - listeningMs,
      activation: activationMs,
      "first reply": repliedMs - readyMs - activationMs,
    };
  } finally {
    watch.stop();
  }
}

function totalOf({ total = Number.NaN }: Parts): number {
  return total;
}

function describe(all: readonly number[]): string {
  if (all.length === 0) return "     -";
  return `${String(Math.round(median(all))).padStart(6)} (${all.map((ms) => Math.round(ms)).join(" ")})`;
}

function median(all: readonly number[]): number {
  const sorted = all.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
