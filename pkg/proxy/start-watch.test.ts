// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { ManualClock } from "../base/test-doubles/mod.ts";

import { StartWatch } from "./start-watch.ts";

function watch(timeoutMs = 45_000) {
  const clock = new ManualClock(1_000);
  const world = { clock, isRefused: false, failures: 0 };
  const started = new StartWatch({
    clock,
    timeoutMs,
    isRefused: () => world.isRefused,
    onFailed: () => world.failures++,
  });
  started.start();
  return Object.assign(world, { watch: started });
}

test("a start without a user function fails once, after its time", (t) => {
  const world = watch();
  world.clock.advance(44_999);
  t.is(world.failures, 0);
  world.clock.advance(1);
  t.is(world.failures, 1);
  world.isRefused = true;
  world.watch.refused();
  world.clock.advance(1e9);
  t.is(world.failures, 1);
});

test("a user function that is refused fails the start as soon as it has been told, if it stays", (t) => {
  const world = watch();
  world.isRefused = true;
  world.watch.refused();
  world.clock.advance(999);
  t.is(world.failures, 0);
  world.clock.advance(1);
  t.is(world.failures, 1);

  const other = watch();
  other.isRefused = true;
  other.watch.refused();
  other.isRefused = false;
  other.clock.advance(44_999);
  t.is(other.failures, 0, "it went away: another one may come");
  other.clock.advance(1);
  t.is(other.failures, 1);
});

test("(1, I12) once a user function was served nothing ends the proxy, whatever comes after", (t) => {
  const world = watch();
  world.clock.advance(44_000);
  world.watch.stop();
  world.isRefused = true;
  world.watch.refused();
  world.clock.advance(1e9);
  t.is(world.failures, 0);
  t.is(world.clock.pending, 0);
});

test("without a time the proxy waits for ever, and a refusal does not end it", (t) => {
  const world = watch(0);
  world.isRefused = true;
  world.watch.refused();
  world.clock.advance(1e9);
  t.is(world.failures, 0);
  t.is(world.clock.pending, 0);
});
