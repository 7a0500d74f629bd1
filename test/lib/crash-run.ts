// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import type { Random } from "../../pkg/base/mod.ts";
import { freePort, randomBelow, systemRandom } from "../../pkg/base/mod.ts";
import { seededRandom } from "../../pkg/base/test-doubles/mod.ts";

import { addToken, readCart, readCartLog } from "./carts.ts";
import type { Operation, Story } from "./history.ts";
import { HistoryRecorder, storiesOf } from "./history.ts";
import type { HttpClient } from "./http-client.ts";
import { httpClient } from "./http-client.ts";
import type { ProxyProcess, TestScope } from "./processes.ts";
import { PROXY, startProxyProcess, startShoppingCart, temporaryFolder } from "./processes.ts";

/**
 * Plan of a run in which callers add items to shopping carts through a proxy that is killed again and again.
 *
 * 1. Each command carries a token: a unique product id, which also appears in its event. `checkHistory` uses it to
 *    find the outcome of the command.
 * 2. Callers do not retry. A command without an answer counts as unacknowledged, and its caller sends another one
 *    when the proxy is back.
 * 3. The times of the kills are drawn from the seed. They are numbers of acknowledged commands, not times, so that a
 *    slow machine has its kills at the same points of the run.
 */
export interface CrashPlan {
  readonly seed: number;
  readonly commands: number;
  readonly entities: number;
  readonly callers: number;
  readonly kills: number;
  /** The program that is killed. */
  readonly proxyMain?: string;
}

export interface CrashOutcome {
  /** All that callers did and saw, the last look at each cart included. An entity is a cart, as a list of tokens. */
  readonly operations: readonly Operation[];
  /** The same by entity id. */
  readonly sent: ReadonlyMap<string, Story>;
  /** Records in the log's order by entity id. */
  readonly stored: ReadonlyMap<string, readonly Uint8Array[]>;
  /** Products of the carts as the proxy showed them at the end, by entity id. */
  readonly carts: ReadonlyMap<string, readonly string[]>;
  /** Errors that were answered although the proxy was running. There should be none. */
  readonly refusals: readonly string[];
  readonly kills: number;
}

/** Kills come before this share of the commands is acknowledged, so that the last one is followed by more commands. */
const LAST_KILL = 0.9;

export async function crashRun(scope: TestScope, plan: CrashPlan): Promise<CrashOutcome> {
  const address = `sqlite:${join(temporaryFolder(scope), "log.db")}`;
  const userFunction = await startShoppingCart(scope);
  const httpPort = await freePort("127.0.0.1", systemRandom);
  const env = { HTTP_PORT: httpPort, USER_FUNCTION_PORT: userFunction.port, PERDURE_LOG: address };
  const target = new Target(async () => {
    const proxy = await startProxyProcess(scope, env, { main: plan.proxyMain ?? PROXY });
    await proxy.ready();
    return proxy;
  });
  const client = httpClient(env.HTTP_PORT, { connections: plan.callers });
  scope.teardown(() => client.close());

  const recorder = new HistoryRecorder();
  const refusals = await sendCommands(plan, target, client, recorder);
  const carts = await readCarts(client, recorder);
  const proxy = await target.up();
  await proxy.kill("SIGTERM");
  const stored = await readCartLog(address);
  const { operations } = recorder;
  return { operations, sent: storiesOf(operations), refusals, carts, stored, kills: target.kills };
}

/** The proxy, which is restarted after each kill. */
class Target {
  readonly #start: () => Promise<ProxyProcess>;
  #running: Promise<ProxyProcess>;
  #kills = 0;

  constructor(start: () => Promise<ProxyProcess>) {
    this.#start = start;
    this.#running = start();
  }

  get kills(): number {
    return this.#kills;
  }

  /** Resolves when the proxy is ready. */
  up(): Promise<ProxyProcess> {
    return this.#running;
  }

  /** Kills it with SIGKILL and starts it again. Later calls of `up` wait for the new process. */
  kill(): void {
    const victim = this.#running;
    this.#kills++;
    this.#running = victim.then(async (proxy) => {
      await proxy.kill("SIGKILL");
      return this.#start();
    });
    // The error of a failed start reaches the callers of `up`.
    this.#running.catch(() => undefined);
  }
}

async function sendCommands(
  plan: CrashPlan,
  target: Target,
  client: HttpClient,
  recorder: HistoryRecorder,
): Promise<string[]> {
  const random = seededRandom(plan.seed);
  const killPoints = drawKillPoints(plan, random);
  const refusals: string[] = [];
  let begun = 0;
  let acknowledged = 0;

  const sendOne = async (caller: string, token: string): Promise<void> => {
    const entity = `cart-${randomBelow(random, plan.entities)}`;
    const pending = recorder.begin(entity, caller, { kind: "append", input: token });
    const answer = await addToken(client, entity, token).catch(() => undefined);
    if (answer?.status !== 200) {
      if (answer !== undefined) refusals.push(`${token}: ${answer.status} ${answer.body}`);
      return;
    }
    pending.returned({});
    acknowledged++;
    if (acknowledged === killPoints[0]) {
      killPoints.shift();
      target.kill();
    }
  };
  const call = async (caller: string): Promise<void> => {
    for (;;) {
      await target.up();
      if (begun === plan.commands) return;
      await sendOne(caller, `token-${begun++}`);
    }
  };
  await Promise.all(Array.from({ length: plan.callers }, (_, index) => call(`caller ${index}`)));
  return refusals;
}

/** Draws one kill point in each of `kills` equal parts of the run. */
function drawKillPoints({ commands, kills }: CrashPlan, random: Random): number[] {
  const part = (commands * LAST_KILL) / kills;
  return Array.from(
    { length: kills },
    (_, i) => 1 + Math.floor(i * part) + randomBelow(random, Math.floor(part)),
  );
}

/** Looks at every cart once. */
async function readCarts(
  client: HttpClient,
  recorder: HistoryRecorder,
): Promise<Map<string, readonly string[]>> {
  const read = async (id: string): Promise<[string, readonly string[]]> => {
    const pending = recorder.begin(id, "judge", { kind: "list" });
    const cart = await readCart(client, id);
    if (cart.kind === "error") throw new Error(`cart ${id}: ${cart.answer.status} ${cart.answer.body}`);
    pending.returned(cart.tokens);
    return [id, cart.tokens];
  };
  const ids = new Set(recorder.operations.map(({ entity }) => entity));
  return new Map(await Promise.all(Array.from(ids, read)));
}
