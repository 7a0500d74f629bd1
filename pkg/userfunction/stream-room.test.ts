// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { silentLogger } from "../base/mod.ts";
import { ManualClock } from "../base/test-doubles/mod.ts";
import { StatusError } from "../grpc/mod.ts";
import { logsOnly } from "../telemetry/mod.ts";

import type { WatchedStream } from "./stream-room.ts";
import { StreamRoom } from "./stream-room.ts";

// With a whole user function: test/e2e/few-streams.test.ts.

const OPTIONS = { maxUserFunctionStreams: 0, streamSilenceMs: 1_000, streamWaitMs: 10_000 };

/** Lets the callbacks of settled promises run. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function start(options: Partial<typeof OPTIONS> = {}, maxStreams = Number.POSITIVE_INFINITY) {
  const clock = new ManualClock(1_000);
  const warnings: string[] = [];
  let release = (): void => undefined;
  const connection = {
    openStreams: 0,
    maxStreams,
    onRoom: (listener: () => void) => {
      release = listener;
    },
  };
  let idle = 0;
  const asks: { readonly take: () => void; readonly fail: () => void; readonly timeoutMs: number }[] = [];
  const room = new StreamRoom({
    options: { ...OPTIONS, ...options },
    clock,
    telemetry: logsOnly({ ...silentLogger, warn: (message) => warnings.push(message) }),
    makeRoom: () => idle > 0 && idle-- > 0,
    ask: (_text, timeoutMs) =>
      new Promise((resolve, reject) => {
        asks.push({ timeoutMs, take: resolve, fail: () => reject(new Error("no answer")) });
      }),
  });
  room.attach(connection);
  const refused: string[] = [];
  const open = (): WatchedStream => {
    connection.openStreams++;
    return { isHeard: false, refuse: ({ code }) => refused.push(code) };
  };
  return {
    room,
    clock,
    asks,
    warnings,
    refused,
    open,
    /** Opens `count` streams on which the user function has sent something. */
    hold(count: number): WatchedStream[] {
      const streams = Array.from({ length: count }, open);
      for (const stream of streams) room.heard(stream);
      return streams;
    },
    ask(): WatchedStream {
      const stream = open();
      room.asked(stream);
      return stream;
    },
    end(stream: WatchedStream): void {
      connection.openStreams--;
      room.over(stream);
      release();
    },
    get idle() {
      return idle;
    },
    set idle(count: number) {
      idle = count;
    },
  };
}

test("(1) there is room up to the limit; who waits comes in turn, one for each stream that ends", async (t) => {
  const { room, hold, open, end } = start({}, 2);
  const [first, second] = hold(2);
  const order: string[] = [];
  const wait = async (name: string): Promise<void> => {
    await room.withRoom(() => {
      order.push(name);
      return open();
    });
  };
  const waiting = [wait("a"), wait("b")];
  t.deepEqual([order, room.isCrowded], [[], true]);
  end(first!);
  await waiting[0];
  t.deepEqual([order, room.isCrowded], [["a"], true]);
  end(second!);
  await waiting[1];
  t.deepEqual([order, room.isCrowded], [["a", "b"], false]);
});

test("(1) the setting and what the user function says both bound it", (t) => {
  t.is(start({ maxUserFunctionStreams: 5 }, 2).room.maxStreams, 2);
  t.is(start({ maxUserFunctionStreams: 2 }, 5).room.maxStreams, 2);
  t.is(start().room.maxStreams, Number.POSITIVE_INFINITY);
});

test("(1) nobody waits longer than the bound, nor for a user function that is gone", async (t) => {
  const { room, clock, hold, open } = start({}, 1);
  hold(1);
  const first = Promise.resolve(room.withRoom(open));
  clock.advance(5_000);
  const second = Promise.resolve(room.withRoom(open));
  clock.advance(5_000);
  await t.throwsAsync(first, { code: "USER_FUNCTION_BUSY", message: /takes 1 streams at a time/ });
  const gone = new StatusError(14, "USER_FUNCTION_UNAVAILABLE", "gone");
  room.detach(gone);
  t.is(await t.throwsAsync(second), gone);
});

test("(2) a silent stream is nothing to look at while no more are open than were served at a time", (t) => {
  const { clock, asks, hold, ask, end } = start();
  const [first] = hold(3);
  end(first!);
  ask();
  clock.advance(60_000);
  t.is(asks.length, 0);
});

test("(2) a user function that takes the call is slow: nobody leaves, and it is not asked again for a while", async (t) => {
  const { room, clock, asks, hold, ask, warnings } = start();
  hold(2);
  ask();
  clock.advance(1_000);
  t.deepEqual(
    asks.map(({ timeoutMs }) => timeoutMs),
    [9_000],
  );
  asks[0]?.take();
  await turn();
  ask();
  clock.advance(9_000);
  t.is(asks.length, 1);
  clock.advance(1_000);
  t.is(asks.length, 2);
  t.deepEqual([room.problem, warnings], [undefined, []]);
});

test("(2, 3) one that does not is crowded: idle entities leave, it is said, and later ones leave before", async (t) => {
  const world = start();
  const { room, clock, hold, ask, open, end, warnings } = world;
  const [first] = hold(2);
  world.idle = 1;
  const silent = ask();
  clock.advance(1_000);
  t.is(world.idle, 1);
  clock.advance(250);
  t.is(world.idle, 0);
  t.true(room.isCrowded);
  t.regex(room.problem ?? "", /serves 2 streams at a time/);
  t.is(warnings.length, 1);
  end(first!);
  room.heard(silent);
  t.false(room.isCrowded);
  world.idle = 1;
  room.heard(await room.withRoom(open));
  t.is(world.idle, 0);
  t.is(room.problem, undefined, "three are heard at a time");
});

test("(4) calls that are silent when it has taken nothing for the bound are refused", async (t) => {
  const { clock, asks, hold, ask, end, refused } = start();
  hold(2);
  const answered = ask();
  ask();
  clock.advance(1_250);
  end(answered);
  asks[0]?.fail();
  await turn();
  t.deepEqual(refused, ["USER_FUNCTION_BUSY"]);
});

test("a user function that comes back is known nothing of", async (t) => {
  const { room, clock, hold, ask } = start();
  hold(2);
  ask();
  clock.advance(1_250);
  t.not(room.problem, undefined);
  room.detach(new StatusError(14, "USER_FUNCTION_UNAVAILABLE", "gone"));
  t.is(room.problem, undefined);
  t.is(room.maxStreams, Number.POSITIVE_INFINITY);
});
