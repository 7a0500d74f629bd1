// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";
import test from "ava";

import { until } from "../../lib/until.ts";
import type { Account } from "./lib/account.ts";
import { describeAccount } from "./lib/account.ts";
import type { CartService } from "./lib/cart-service.ts";
import { createCart } from "./lib/cart-service.ts";
import { cluster, kubectl } from "./lib/command-line.ts";
import { podLogToItsEnd, timeOf } from "./lib/pod-log.ts";
import type { Pod } from "./lib/pods.ts";
import { evict, killProcesses, PROXY_CONTAINER, readyPod } from "./lib/pods.ts";

const PER_SECOND = 50;

/**
 * How long no request has come when queue-proxy reports that it is drained, in milliseconds. A second is subtracted,
 * because queue-proxy may be told to stop before the proxy is.
 */
const QUIET_MS = 30_000 - 1_000;

/** Commands under way while something happens to the only pod, until its successor has answered a second of them. */
async function under(cart: CartService, happens: (pod: Pod) => Promise<void>): Promise<Account> {
  const pod = await readyPod(cart.name);
  const load = cart.startLoad(PER_SECOND);
  await until("the load is on", () => load.acknowledged > PER_SECOND);
  await happens(pod);
  await until(
    "another pod has taken over",
    async () => (await readyPod(cart.name)).metadata.uid !== pod.metadata.uid,
    120_000,
  );
  const { acknowledged } = load;
  await until("it answers", () => load.acknowledged > acknowledged + PER_SECOND, 60_000);
  return cart.accountFor(await load.stop());
}

function nothingLost(t: ExecutionContext, found: Account): void {
  t.log(describeAccount(found));
  t.like(found, { lost: [], doubled: [], foreign: [] });
}

test.serial(
  "a pod that is deleted hands over: no command fails; its proxy ends after queue-proxy's last request",
  async (t) => {
    const cart = await createCart(t, "deleted");
    let said: Promise<string> | undefined;
    const found = await under(cart, async ({ metadata: { name } }) => {
      said = podLogToItsEnd(name, PROXY_CONTAINER);
      await kubectl("delete", "pod", name, "--wait=false");
    });
    nothingLost(t, found);
    t.is(found.failed, 0);

    const log = (await said) ?? "";
    const at = (message: string) => timeOf(log, `"message":"${message}"`);
    t.true(at("draining") + QUIET_MS <= at("drained") && at("drained") <= at("stopped"), log);
    t.notRegex(log, /"level":"(?:warn|error)"/);
  },
);

test.serial("a pod that is evicted hands over: no command fails", async (t) => {
  const cart = await createCart(t, "evicted");
  const found = await under(cart, evict);
  nothingLost(t, found);
  t.is(found.failed, 0);
});

const whereProcessesAreOurs = cluster.kind === "ours" ? test.serial : test.serial.skip;

for (const round of [1, 2, 3]) {
  whereProcessesAreOurs(`SIGKILL to a whole pod (${round}): no acknowledged command is lost`, async (t) => {
    // A new service each time, because Kubernetes delays the restart of a pod that was killed before.
    const cart = await createCart(t, `killed-${round}`);
    const pod = await readyPod(cart.name);
    const load = cart.startLoad(PER_SECOND);
    await until("the load is on", () => load.acknowledged > PER_SECOND);
    t.true(killProcesses(pod) >= 3);
    const { acknowledged } = load;
    await until(
      "commands are answered again",
      () => load.acknowledged > acknowledged + 2 * PER_SECOND,
      120_000,
    );
    nothingLost(t, await cart.accountFor(await load.stop()));
  });
}
