// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import { fromBinary } from "@bufbuild/protobuf";

import type { Random } from "../../pkg/base/mod.ts";
import { freePort, randomBelow, systemClock, systemRandom } from "../../pkg/base/mod.ts";
import { seededRandom } from "../../pkg/base/test-doubles/mod.ts";
import type { EventLog } from "../../pkg/eventlog/mod.ts";
import { NO_POSITION, openEventLog } from "../../pkg/eventlog/mod.ts";
import type { Commit } from "../../pkg/protocol/mod.ts";
import { CommitSchema } from "../../pkg/protocol/mod.ts";
import { NO_TELEMETRY } from "../../pkg/telemetry/mod.ts";

import type { HttpClient } from "../lib/http-client.ts";
import { httpClient } from "../lib/http-client.ts";
import { RELAXED_LOG } from "../lib/nats/relaxed.ts";
import type { TestScope } from "../lib/processes.ts";
import { startProxyProcess } from "../lib/processes.ts";
import { CountSchema, PlacedSchema } from "./orders/gen/perdure/test/orders/orders_pb.ts";
import type { OrdersCommand } from "./orders/services.ts";
import { BILLS, ORDERS, STOCK, serveOrders } from "./orders/services.ts";

/**
 * Plan of a run that places orders through a proxy and kills it again and again. The seed decides when: a delay after
 * the n-th command of a kind reached the user function, or after the n-th answer. That may be before an append,
 * between append and effect, between effects, during them, or after them.
 *
 * One user function runs all the time. Callers do not retry.
 */
export interface EffectsPlan {
  readonly seed: number;
  readonly kills: number;
  /** The log, as `PERDURE_LOG` takes it. */
  readonly address: string;
  /** The program that is killed. */
  readonly program: { readonly main: string; readonly args: readonly string[] };
}

export interface EffectsOutcome {
  /** Orders that were acknowledged, and that are in the log. */
  readonly acknowledged: number;
  readonly placed: number;
  /** Goods whose effects are missing or happened twice. */
  readonly wrong: readonly WrongGoods[];
  /** Entities whose effects are not all marked as done in the log, with a description. */
  readonly unmarked: readonly string[];
  /** Effects that a restarted proxy carried out again, because the log did not mark them as done. */
  readonly again: number;
}

interface WrongGoods {
  readonly goods: string;
  readonly ordered: number;
  readonly taken: number;
  readonly billed: number;
}

type Step = OrdersCommand | "answer";

interface KillPoint {
  readonly step: Step;
  readonly count: number;
  readonly delayMs: number;
}

const STEPS: readonly Step[] = ["place", "take", "write", "answer"];
const MOST_STEPS = 12;
const DELAYS_MS = [0, 0, 1, 2, 4];
const MARK_DELAYS_MS = [1, 20, 1_000];
const CALLERS = 4;
const CUSTOMERS = ["ann", "bob", "cleo"];
const GOODS = ["apples", "bread", "cheese", "dates"];

/** How long the last proxy may take until all effects have happened, in milliseconds. */
const SETTLE_MS = 5_000;

export async function effectsRun(scope: TestScope, plan: EffectsPlan): Promise<EffectsOutcome> {
  const random = seededRandom(plan.seed);
  let onStep: (step: Step) => void = () => undefined;
  const userFunction = await serveOrders((command) => onStep(command));
  scope.teardown(() => userFunction.close());
  const port = await freePort("127.0.0.1", systemRandom);
  const client = httpClient(port, { connections: CALLERS });
  scope.teardown(() => client.close());

  const start = async () => {
    const env = {
      HTTP_PORT: port,
      USER_FUNCTION_PORT: userFunction.port,
      PERDURE_LOG: plan.address,
      PERDURE_LOG_LEVEL: "debug",
      PERDURE_EFFECT_MARK_DELAY_MS: MARK_DELAYS_MS[randomBelow(random, MARK_DELAYS_MS.length)] ?? 0,
    };
    const proxy = await startProxyProcess(scope, env, plan.program);
    await proxy.ready();
    return proxy;
  };

  let acknowledged = 0;
  let again = 0;
  for (let kill = 0; kill < plan.kills; kill++) {
    const proxy = await start();
    const point = drawKillPoint(random);
    const reached = Promise.withResolvers<void>();
    let steps = 0;
    onStep = (step) => {
      if (step === point.step && ++steps === point.count) reached.resolve();
    };
    const callers = Array.from({ length: CALLERS }, async () => {
      while (await place(client, random)) {
        acknowledged++;
        onStep("answer");
      }
    });
    await reached.promise;
    if (point.delayMs > 0) await delay(point.delayMs);
    await proxy.kill("SIGKILL");
    await Promise.all(callers);
    again += carriedOutAgain(proxy.stdout);
  }

  const proxy = await start();
  await settled(client);
  await proxy.kill("SIGTERM");
  again += carriedOutAgain(proxy.stdout);
  return { acknowledged, again, ...(await judge(plan.address)) };
}

function drawKillPoint(random: Random): KillPoint {
  return {
    step: STEPS[randomBelow(random, STEPS.length)] ?? "answer",
    count: 1 + randomBelow(random, MOST_STEPS),
    delayMs: DELAYS_MS[randomBelow(random, DELAYS_MS.length)] ?? 0,
  };
}

/** Counts the repeated effects, from the lines of a proxy's log. */
function carriedOutAgain(lines: readonly string[]): number {
  const counts = lines.map((line) => /"count":(\d+).*side effects are carried out again/.exec(line)?.[1]);
  return counts.reduce((total, count) => total + Number(count ?? 0), 0);
}

/** Places a random order. Returns false if it fails, because the proxy is gone. */
async function place(client: HttpClient, random: Random): Promise<boolean> {
  const customer = CUSTOMERS[randomBelow(random, CUSTOMERS.length)];
  const goods = GOODS[randomBelow(random, GOODS.length)];
  try {
    const answer = await client.call("/perdure.test.orders.Orders/Place", { body: { customer, goods } });
    return answer.status === 200;
  } catch {
    return false;
  }
}

/** Waits until there are as many effects as orders, or for some time. */
async function settled(client: HttpClient): Promise<void> {
  const endMs = performance.now() + SETTLE_MS;
  while (performance.now() < endMs) {
    const [placed, taken, written] = await Promise.all([
      sum(client, "Orders", "customer", CUSTOMERS),
      sum(client, "Stock", "name", GOODS),
      sum(client, "Bills", "name", GOODS),
    ]);
    if (taken === placed && written === placed) return;
    await delay(20);
  }
}

async function sum(
  client: HttpClient,
  service: string,
  field: string,
  ids: readonly string[],
): Promise<number> {
  const counts = ids.map(async (id) => {
    const answer = await client.call(`/perdure.test.orders.${service}/Show`, { body: { [field]: id } });
    if (answer.status !== 200) throw new Error(`${service} ${id}: ${answer.status} ${answer.body}`);
    return (JSON.parse(answer.body) as { count: number }).count;
  });
  return (await Promise.all(counts)).reduce((total, count) => total + count, 0);
}

/** Compares the orders and their effects in the log, for each kind of goods. */
async function judge(address: string): Promise<Pick<EffectsOutcome, "placed" | "wrong" | "unmarked">> {
  const log = await openEventLog(address, {
    clock: systemClock,
    telemetry: NO_TELEMETRY,
    jetstream: RELAXED_LOG,
  });
  try {
    const ordered = new Map<string, number>();
    const unmarked: string[] = [];
    for await (const id of log.list(ORDERS)) {
      const commits = await commitsOf(log, ORDERS, id);
      for (const { value } of commits.flatMap(({ events }) => events)) {
        const { goods } = fromBinary(PlacedSchema, value);
        ordered.set(goods, (ordered.get(goods) ?? 0) + 1);
      }
      const done = Math.max(...commits.map(({ effectsDone }) => Number(effectsDone)));
      const effects = commits.reduce((count, { sideEffects }) => count + sideEffects.length, 0);
      if (done !== effects) unmarked.push(`${id}: ${effects} effects, ${done} are marked as done`);
    }
    const wrong: WrongGoods[] = [];
    for (const goods of GOODS) {
      const count = ordered.get(goods) ?? 0;
      const taken = (await commitsOf(log, STOCK, goods)).flatMap(({ events }) => events).length;
      const [bill] = (await commitsOf(log, BILLS, goods)).slice(-1);
      const value = bill?.valueState?.value;
      const billed = value === undefined ? 0 : fromBinary(CountSchema, value.value).count;
      if (taken !== count || billed !== count) wrong.push({ goods, ordered: count, taken, billed });
    }
    const placed = [...ordered.values()].reduce((total, count) => total + count, 0);
    return { placed, wrong, unmarked };
  } finally {
    await log.close();
  }
}

/** Reads all records from the first one, and ignores snapshots. */
async function commitsOf(log: EventLog, type: string, id: string): Promise<Commit[]> {
  const commits: Commit[] = [];
  for (let after = NO_POSITION; ; ) {
    const page = await log.read({ type, id }, after);
    commits.push(...page.records.map(({ bytes }) => fromBinary(CommitSchema, bytes)));
    const last = page.records.at(-1);
    if (page.end || last === undefined) return commits;
    after = last.position;
  }
}
