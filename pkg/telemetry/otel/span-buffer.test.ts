// SPDX-License-Identifier: Apache-2.0

import { setImmediate } from "node:timers/promises";

import test from "ava";

import type { LogFields } from "../../base/mod.ts";
import { silentLogger } from "../../base/mod.ts";
import { ManualClock, seededRandom } from "../../base/test-doubles/mod.ts";

import { readSpans } from "../../../test/lib/otlp-receiver.ts";
import { RecordingTracer } from "./recording-tracer.ts";
import { samplerOf } from "./sampler.ts";
import { SpanBuffer } from "./span-buffer.ts";
import type { Sent, SpanBatch } from "./span-sink.ts";

const AWAY: Sent = { kind: "away", problem: "connection refused" };
const TAKEN: Sent = { kind: "taken" };

/** A buffer of 8 spans that sends 4 at once or after a second, and what arrives at its sink. */
function buffered(options = {}) {
  const clock = new ManualClock();
  const random = seededRandom(3);
  const lines: LogFields[] = [];
  const logger = { ...silentLogger, warn: (_: string, fields: LogFields = {}) => void lines.push(fields) };
  const buffer = new SpanBuffer({
    clock,
    random,
    logger,
    options: {
      otelBspMaxQueueSize: 8,
      otelBspMaxExportBatchSize: 4,
      otelBspScheduleDelayMs: 1_000,
      otelBspExportTimeoutMs: 30_000,
      traceQueueBytes: 1_000_000,
      ...options,
    },
  });
  const { sampler } = samplerOf("always_on", "");
  const tracer = new RecordingTracer({ clock, random, sampler, onEnded: buffer.add });
  const end = (...names: string[]): void => names.forEach((name) => tracer.start(name, undefined).end());
  const arrived: string[][] = [];
  let answer = (): Sent | Promise<Sent> => TAKEN;
  const sink = {
    async send({ spans, count }: SpanBatch) {
      const names = readSpans(spans).map(({ name }) => name);
      if (names.length !== count) throw new Error(`${names.length} spans are not ${count}`);
      arrived.push(names);
      return answer();
    },
    close: async () => undefined,
  };
  const answerBy = (next: typeof answer): void => void (answer = next);
  return { clock, buffer, lines, end, arrived, sink, answerBy };
}

const settled = () => setImmediate();

test("spans wait for the sink, then go in batches, and the last ones when they have waited", async (t) => {
  const { clock, buffer, end, arrived, sink } = buffered();
  end("a", "b", "c", "d", "e", "f");
  clock.advance(10_000);
  t.is(buffer.size, 6);
  buffer.open(sink);
  await settled();
  t.deepEqual(arrived, [["a", "b", "c", "d"]]);
  clock.advance(999);
  await settled();
  t.is(arrived.length, 1);
  clock.advance(1);
  await settled();
  t.deepEqual(arrived[1], ["e", "f"]);
  t.is(buffer.size, 0);
  t.is(clock.pending, 0);
});

test("a full buffer drops the next spans; one line a minute says how many", async (t) => {
  const { clock, buffer, end, lines, sink, answerBy } = buffered();
  answerBy(() => AWAY);
  buffer.open(sink);
  const minutes = 10;
  for (let second = 0; second < minutes * 60; second++) {
    end("a", "b", "c", "d", "e");
    clock.advance(1_000);
    await settled();
    t.true(buffer.size <= 8);
    t.true(clock.pending <= 3);
  }
  t.true(lines.length >= minutes && lines.length <= minutes + 1, `${lines.length} lines`);
  const dropped = lines.map((line) => Number(line["dropped"]));
  t.true(
    dropped.slice(1).every((count) => count > 290 && count <= 300),
    dropped.join(),
  );
  t.is(lines.at(-1)?.["error"], "connection refused");
});

const MINUTES = 5;

for (const [what, answer] of Object.entries({
  "is away": () => AWAY,
  "refuses everything": (): Sent => ({ kind: "refused", problem: "unauthenticated" }),
  "never answers": () => new Promise<Sent>(() => undefined),
})) {
  test(`while the receiver ${what}, spans are bounded and counted, and one line a minute tells it`, async (t) => {
    const { clock, buffer, end, lines, sink, answerBy } = buffered();
    answerBy(answer);
    buffer.open(sink);
    let ended = 0;
    for (let second = 0; second < MINUTES * 60; second++) {
      end("a", "b", "c", "d", "e");
      ended += 5;
      clock.advance(1_000);
      await settled();
      t.true(buffer.size <= 8);
      t.true(clock.pending <= 3);
    }
    t.true(lines.length >= MINUTES && lines.length <= MINUTES + 1, `${lines.length} lines`);
    const { taken, full, refused } = buffer.counts;
    t.is(taken, 0);
    t.is(full + refused + buffer.size, ended);
    t.true((what === "refuses everything" ? refused : full) > 0.9 * ended);
    const told = lines.reduce((sum, line) => sum + Number(line["dropped"]), 0);
    t.true(
      told > (ended * (MINUTES - 1)) / MINUTES - 60 && told <= full + refused,
      `${told} of ${full + refused}`,
    );
  });
}

test("a batch for which the receiver was away is sent again, in order, once it is there", async (t) => {
  const { clock, buffer, end, arrived, sink, answerBy } = buffered();
  answerBy(() => AWAY);
  buffer.open(sink);
  end("a", "b", "c", "d", "e");
  for (let i = 0; i < 100; i++) {
    clock.advance(1_000);
    await settled();
  }
  const tries = arrived.length;
  t.true(tries > 3 && tries < 12, `${tries} tries, at growing distances`);
  t.true(arrived.every((names) => names.join("") === "abcd"));
  answerBy(() => TAKEN);
  for (let i = 0; i < 40; i++) {
    clock.advance(1_000);
    await settled();
  }
  t.deepEqual(arrived.slice(tries), [["a", "b", "c", "d"], ["e"]]);
  t.is(buffer.size, 0);
  t.deepEqual(buffer.counts, { taken: 5, full: 0, refused: 0 });
});

test("a batch that the receiver refuses is dropped and counted", async (t) => {
  const { buffer, end, arrived, sink, lines, answerBy } = buffered();
  answerBy(() => ({ kind: "refused", problem: "unauthenticated" }));
  buffer.open(sink);
  end("a", "b", "c", "d");
  await settled();
  t.deepEqual(arrived, [["a", "b", "c", "d"]]);
  t.deepEqual(lines, [{ dropped: 4, waiting: 0, error: "unauthenticated" }]);
});

test("a receiver that never answers is away", async (t) => {
  const { clock, buffer, end, arrived, sink, lines, answerBy } = buffered();
  answerBy(() => new Promise(() => undefined));
  buffer.open(sink);
  end("a", "b", "c", "d");
  clock.advance(30_000);
  await settled();
  t.deepEqual(lines, [{ dropped: 0, waiting: 4, error: "no answer within 30000 ms" }]);
  answerBy(() => TAKEN);
  clock.advance(2_000);
  await settled();
  t.is(arrived.length, 2);
  t.is(buffer.size, 0);
});

test("a queue that is smaller than a batch is sent when it is full", async (t) => {
  const { buffer, end, arrived, sink } = buffered({ otelBspMaxQueueSize: 2 });
  buffer.open(sink);
  end("a", "b");
  await settled();
  t.deepEqual(arrived, [["a", "b"]]);
});

test("the bytes of spans are bounded too, and what is full is sent", async (t) => {
  const options = { otelBspMaxQueueSize: 100, otelBspMaxExportBatchSize: 100, traceQueueBytes: 1_000 };
  const { buffer, end, arrived, sink } = buffered(options);
  const names = Array.from({ length: 10 }, (_, i) => String(i).repeat(300));
  end(...names);
  t.is(buffer.size, 3);
  t.true(buffer.bytes > 1_000 && buffer.bytes < 1_300, `${buffer.bytes}`);
  t.is(buffer.counts.full, 7);
  buffer.open(sink);
  await settled();
  t.deepEqual(arrived, [names.slice(0, 3)]);
  t.is(buffer.bytes, 0);
  end("a");
  t.is(buffer.size, 1);
});

test("a batch stays below the largest message that receivers take", async (t) => {
  const { buffer, end, arrived, sink } = buffered({
    otelBspMaxQueueSize: 10_000,
    otelBspMaxExportBatchSize: 10_000,
    traceQueueBytes: 10_000_000,
  });
  end(...Array.from({ length: 2_000 }, () => "x".repeat(1_000)));
  buffer.open(sink);
  await buffer.stop(5_000);
  const counts = arrived.map(({ length }) => length);
  t.is(counts.length, 3);
  t.true(Math.max(...counts) < 1_048, counts.join());
});

test("the stop sends what is left, and does not wait for the delay", async (t) => {
  const { buffer, end, arrived, sink, lines } = buffered();
  end("a", "b", "c", "d", "e");
  buffer.open(sink);
  await buffer.stop(5_000);
  t.deepEqual(arrived, [["a", "b", "c", "d"], ["e"]]);
  end("late");
  t.is(buffer.size, 0);
  t.deepEqual(lines, []);
});

test("the stop gives up when the receiver is away, and says what is lost", async (t) => {
  const { buffer, end, lines, sink, answerBy } = buffered();
  answerBy(() => AWAY);
  end("a", "b", "c");
  buffer.open(sink);
  await buffer.stop(5_000);
  t.deepEqual(lines, [{ dropped: 3, waiting: 0, error: "connection refused" }]);
});

test("the stop ends in time though the receiver never answers", async (t) => {
  const { clock, buffer, end, lines, sink, answerBy } = buffered();
  answerBy(() => new Promise(() => undefined));
  end("a");
  buffer.open(sink);
  const stopped = buffer.stop(5_000);
  await settled();
  clock.advance(5_000);
  await stopped;
  t.deepEqual(lines, [{ dropped: 1, waiting: 0 }]);
});
