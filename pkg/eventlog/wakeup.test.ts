// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { Wakeup } from "./wakeup.ts";

test("who waits is woken by its own topic, by an abort or by notifyAll, and by nothing else", async (t) => {
  const wakeup = new Wakeup();
  const abort = new AbortController();
  const { signal } = new AbortController();
  const woken: string[] = [];
  const wait = (name: string, topic: string, until: AbortSignal) =>
    wakeup.wait(topic, until).then(() => void woken.push(name));
  const all = [
    wait("a1", "a", signal),
    wait("a2", "a", signal),
    wait("b", "b", abort.signal),
    wait("c", "c", signal),
  ];

  wakeup.notify("nobody");
  await Promise.resolve();
  t.deepEqual(woken, []);
  wakeup.notify("a");
  await Promise.all(all.slice(0, 2));
  t.deepEqual(woken, ["a1", "a2"]);
  abort.abort();
  await all[2];
  t.deepEqual(woken, ["a1", "a2", "b"]);
  wakeup.notifyAll();
  await Promise.all(all);
  await wakeup.wait("d", AbortSignal.abort());
});
