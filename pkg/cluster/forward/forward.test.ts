// SPDX-License-Identifier: Apache-2.0

import { systemClock } from "../../base/mod.ts";
import { ManualClock } from "../../base/test-doubles/mod.ts";
import { StatusError } from "../../grpc/mod.ts";

import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { until } from "../../../test/lib/until.ts";
import { isUndelivered } from "../forward-error.ts";
import type { ForwardedRequest } from "./mod.ts";
import { forwardWorld, OWNER, requestOf } from "./testdata/forward-world.ts";

const HELLO = Buffer.from("hello");
const NEVER = new Promise<never>(() => undefined);

const echo = async ({ bytes }: ForwardedRequest): Promise<Uint8Array> => bytes;

/** Bytes of which no two parts are the same. */
function many(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
}

natsTest("a request is answered, and nothing is left of it", async (t) => {
  const seen: ForwardedRequest[] = [];
  let heldBytes = 0;
  const world = await forwardWorld(t, async (request) => {
    seen.push(request);
    heldBytes = request.charge.held;
    return request.bytes.map((byte) => byte + 1);
  });
  t.deepEqual(Buffer.from(await world.ask(HELLO)).toString(), "ifmmp");
  t.is((await world.ask(new Uint8Array(0))).length, 0);
  t.is(seen[0]?.deadlineMs, undefined);
  t.true(heldBytes >= HELLO.length);
  await until("the owner is done", () => world.owner.open === 0);
  t.deepEqual([world.caller.open, world.callerMemory.used, world.ownerMemory.used], [0, 0, 0]);
});

natsTest("calls that are under way together get their own answers", async (t) => {
  const { ask } = await forwardWorld(t, echo);
  const requests = Array.from({ length: 200 }, (_, index) => Buffer.from(`request ${index}`));
  const answers = await Promise.all(requests.map((bytes) => ask(bytes)));
  t.deepEqual(
    answers.map((bytes) => Buffer.from(bytes).toString()),
    requests.map(String),
  );
});

natsTest("requests and answers beyond max_payload go in parts", async (t) => {
  const world = await forwardWorld(t, echo, { server: { maxPayloadBytes: 1_000 } });
  for (const length of [999, 1_000, 1_001, 2_000, 2_001, 123_456]) {
    const bytes = many(length);
    t.deepEqual(new Uint8Array(await world.ask(bytes)), bytes, `${length}`);
  }
  const [one, two] = [many(5_000), many(7_000).reverse()];
  t.deepEqual(
    (await Promise.all([world.ask(one), world.ask(two)])).map((bytes) => new Uint8Array(bytes)),
    [one, two],
  );
  await until("the owner is done", () => world.owner.open === 0);
  t.deepEqual([world.callerMemory.used, world.ownerMemory.used], [0, 0]);
});

natsTest("nobody there: the call fails at once, undelivered, and the cluster is told", async (t) => {
  const world = await forwardWorld(t, echo, { server: { maxPayloadBytes: 1_000 } });
  for (const bytes of [HELLO, many(5_000)]) {
    const error = await t.throwsAsync(world.ask(bytes, "shop-9.x"), {
      instanceOf: StatusError,
      code: "PEER_UNREACHABLE",
      message: "proxy shop-9.x is not there",
    });
    t.true(isUndelivered(error));
  }
  t.deepEqual(world.missing, ["shop-9.x", "shop-9.x"]);
  t.deepEqual([world.caller.open, world.callerMemory.used], [0, 0]);
});

natsTest(
  "what is on its way to an owner that ends is answered, or told at once that nobody takes it",
  async (t) => {
    const world = await forwardWorld(t, echo, { options: { workingEveryMs: 60_000, maxSilenceMs: 60_000 } });
    const asked: Promise<unknown>[] = [];
    const closed = new AbortController();
    // In each turn some more, so that some are between the server and the owner when it ends.
    const asking = (async () => {
      while (!closed.signal.aborted) {
        for (let count = 0; count < 20; count++)
          asked.push(world.ask(HELLO).catch((error: unknown) => error));
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    await until("some are answered", () => asked.length > 200);
    await world.owner.close();
    closed.abort();
    await asking;
    for (const answer of await Promise.all(asked))
      t.true(answer instanceof Uint8Array || isUndelivered(answer), String(answer));
  },
);

natsTest("the time left travels, and the caller waits no longer", async (t) => {
  const [callerClock, ownerClock] = [new ManualClock(1_000), new ManualClock(77_000)];
  const deadlines: (number | undefined)[] = [];
  const world = await forwardWorld(
    t,
    async (request) => {
      deadlines.push(request.deadlineMs);
      return NEVER;
    },
    { callerClock, ownerClock },
  );
  const late = world.caller.call(OWNER, requestOf(HELLO, 1_250));
  const later = world.caller.call(OWNER, requestOf(HELLO, 1_900));
  await until("both are there", () => deadlines.length === 2);
  t.deepEqual(deadlines, [77_250, 77_900]);
  callerClock.advance(250);
  await t.throwsAsync(late, { code: "DEADLINE_EXCEEDED" });
  t.is(world.caller.open, 1);
  callerClock.advance(650);
  await t.throwsAsync(later, { code: "DEADLINE_EXCEEDED" });
  const error = await t.throwsAsync(world.caller.call(OWNER, requestOf(HELLO, 1_900)), {
    code: "DEADLINE_EXCEEDED",
  });
  t.false(isUndelivered(error));
  await world.callerLink.connection.flush();
  t.is(deadlines.length, 2, "what is too late is not sent");
});

natsTest("a caller that cancels is not answered, and the owner is told", async (t) => {
  const cancelled = Promise.withResolvers<string>();
  const finish = Promise.withResolvers<Uint8Array>();
  const world = await forwardWorld(t, (request) => {
    request.onCancel(() => cancelled.resolve("cancelled"));
    return finish.promise;
  });
  let leave = (): void => undefined;
  const call = world.caller.call(OWNER, { ...requestOf(HELLO), onCancel: (listener) => (leave = listener) });
  await until("it is there", () => world.owner.open === 1);
  leave();
  await t.throwsAsync(call, { code: "CANCELLED" });
  t.is(await cancelled.promise, "cancelled");
  finish.resolve(HELLO);
  await until("it has ended", () => world.owner.open === 0);
  t.deepEqual([world.callerMemory.used, world.ownerMemory.used], [0, 0]);
  leave();
});

natsTest("an owner that ends in the middle: the outcome is unknown, and nobody waits for ever", async (t) => {
  const callerClock = new ManualClock();
  const world = await forwardWorld(t, () => NEVER, { callerClock });
  const silent = world.ask(HELLO);
  await until("it is there", () => world.owner.open === 1);
  await world.ownerLink.connection.close();
  callerClock.advance(4_900);
  t.is(world.caller.open, 1);
  callerClock.advance(100);
  const error = await t.throwsAsync(silent, {
    code: "PEER_LOST",
    message: /may have been carried out.* silent/,
  });
  t.false(isUndelivered(error));
});

natsTest("whoever knows that a member is gone ends its calls, and no others", async (t) => {
  const world = await forwardWorld(t, () => NEVER);
  const call = world.ask(HELLO);
  await until("it is there", () => world.owner.open === 1);
  world.caller.gone("another.1");
  t.is(world.caller.open, 1);
  world.caller.gone(OWNER);
  await t.throwsAsync(call, { code: "PEER_LOST", message: /is gone$/ });
  t.is(world.callerMemory.used, 0);
});

natsTest("an owner that still works on a call says so, and is waited for", async (t) => {
  const [callerClock, ownerClock] = [new ManualClock(), new ManualClock()];
  const finish = Promise.withResolvers<Uint8Array>();
  const world = await forwardWorld(t, () => finish.promise, { callerClock, ownerClock });
  const signs: string[] = [];
  world.callerLink.connection.subscribe("perdure-forward-shop.answer.>", {
    callback: (_error, { subject }) => void signs.push(subject),
  });
  const call = world.ask(HELLO);
  await until("it is there", () => world.owner.open === 1);
  for (let round = 1; round <= 4; round++) {
    callerClock.advance(3_000);
    ownerClock.advance(1_000);
    await until("it is heard", () => signs.length === round);
  }
  finish.resolve(HELLO);
  t.deepEqual(Buffer.from(await call), HELLO);
});

natsTest("a caller that stood still itself does not take that for silence", async (t) => {
  class StoppedClock extends ManualClock {
    stoodStillMs = 0;
    override monotonicMs(): number {
      return super.monotonicMs() + this.stoodStillMs;
    }
  }
  const callerClock = new StoppedClock();
  const finish = Promise.withResolvers<Uint8Array>();
  const world = await forwardWorld(t, () => finish.promise, { callerClock });
  const call = world.ask(HELLO);
  await until("it is there", () => world.owner.open === 1);
  callerClock.stoodStillMs = 60_000;
  callerClock.advance(5_000);
  t.is(world.caller.open, 1);
  callerClock.advance(5_001);
  await t.throwsAsync(call, { code: "PEER_LOST" });
});

natsTest(
  "a lost connection ends what is under way with an unknown outcome; later calls are not sent",
  async (t) => {
    const world = await forwardWorld(t, () => NEVER);
    const call = world.ask(HELLO);
    await until("it is there", () => world.owner.open === 1);
    await world.server.kill();
    await t.throwsAsync(call, { code: "PEER_LOST", message: /connection to NATS was lost/ });
    t.true(isUndelivered(await t.throwsAsync(world.ask(HELLO), { code: "PEER_UNREACHABLE" })));
    await world.server.restart();
    // Undelivered requests are sent again, as commands are: the owner may connect again after the caller.
    let isRefused = true;
    await until("a later request is there", () => {
      if (isRefused) world.ask(HELLO).catch((error: unknown) => (isRefused = isUndelivered(error)));
      isRefused = false;
      return world.owner.open === 2;
    });
  },
);

natsTest(
  "an owner that closes takes no more requests, and ends when those under way are answered",
  async (t) => {
    const finish = Promise.withResolvers<Uint8Array>();
    const world = await forwardWorld(t, () => finish.promise);
    const call = world.ask(HELLO);
    await until("it is there", () => world.owner.open === 1);
    let isClosed = false;
    const closing = world.owner.close().then(async () => {
      isClosed = true;
      await world.ownerLink.close();
    });
    await world.ownerLink.connection.flush();
    t.true(isUndelivered(await t.throwsAsync(world.ask(HELLO))));
    t.false(isClosed);
    finish.resolve(HELLO);
    t.deepEqual(Buffer.from(await call), HELLO);
    await closing;
    world.caller.close();
  },
);

natsTest("the real clock serves deadlines too", async (t) => {
  const world = await forwardWorld(t, () => NEVER);
  const deadlineMs = systemClock.monotonicMs() + 20;
  await t.throwsAsync(world.caller.call(OWNER, requestOf(HELLO, deadlineMs)), { code: "DEADLINE_EXCEEDED" });
  t.true(systemClock.monotonicMs() >= deadlineMs - 1);
});
