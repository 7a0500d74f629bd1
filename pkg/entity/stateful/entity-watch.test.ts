// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { until } from "../../../test/lib/until.ts";
import { SlowestCommands } from "../slowest-commands.ts";
import { answering, reply, world } from "../testdata/world.ts";

test("a slow command says how long it waited, and a repeat that the user function did not get has only waited", async (t) => {
  const slowest = new SlowestCommands();
  let isHolding = false;
  const { ask, clock, streams } = await world(
    t,
    answering(() => (isHolding ? undefined : {})),
    { slowest },
  );
  const answer = async (id: bigint) => {
    await until("it is asked", () => streams[0]?.received.length === Number(id) + 1);
    clock.advance(100);
    streams[0]?.send(reply(id));
  };
  await ask("a", 1, { key: "k" });
  isHolding = true;
  const first = ask("a");
  await until("the first is asked", () => streams[0]?.received.length === 3);
  const rest = [ask("a"), ask("a", 1, { key: "k" })];
  await answer(2n);
  await first;
  await answer(3n);
  await Promise.all(rest);
  const times = slowest.report(clock.monotonicMs()).map(({ tookMs, waitedMs }) => ({ tookMs, waitedMs }));
  t.deepEqual(times, [
    { tookMs: 200, waitedMs: 100 },
    { tookMs: 200, waitedMs: 200 },
    { tookMs: 100, waitedMs: 0 },
    { tookMs: 0, waitedMs: 0 },
  ]);
});
