// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";

import { systemClock } from "../base/mod.ts";
import { seededRandom } from "../base/test-doubles/mod.ts";
import type { Position, TailRecord } from "../eventlog/mod.ts";
import { NO_POSITION, openEventLog } from "../eventlog/mod.ts";
import { NO_TELEMETRY } from "../telemetry/mod.ts";

import { logKinds } from "../../test/lib/log-kinds.ts";
import { RELAXED_LOG } from "../../test/lib/nats/relaxed.ts";
import { until } from "../../test/lib/until.ts";
import { consume } from "./consume.ts";

const IDS = Array.from({ length: 10 }, (_, index) => `cart-${index}`);

for (const kind of logKinds) {
  kind.test(
    `(1, 2, 5) ${kind.name}: nothing is lost or out of order while handlers fail and the consumer is restarted`,
    async (t) => {
      const place = await kind.open(t);
      const dependencies = { clock: systemClock, telemetry: NO_TELEMETRY, jetstream: RELAXED_LOG };
      const log = await openEventLog(place.address, dependencies);
      t.teardown(() => log.close());
      const random = seededRandom(14);
      const stored = new Map<string, Position[]>(IDS.map((id) => [id, []]));
      const store = async (count: number): Promise<void> => {
        for (let index = 0; index < count; index++) {
          for (const [id, positions] of stored) {
            const bytes = Buffer.from(`${id} ${positions.length}`);
            positions.push(await log.append({ type: "cart", id }, positions.at(-1) ?? NO_POSITION, bytes));
          }
        }
      };
      const handled = new Map<string, Position[]>(IDS.map((id) => [id, []]));
      /** What was handled, by entity and position. A record may be handled before its append has returned. */
      const texts = new Map<string, string>();
      const handle = async ({ id, position, bytes }: TailRecord): Promise<void> => {
        await new Promise(setImmediate);
        if (random() < 0.1) throw new Error("another try is needed");
        const before = handled.get(id) ?? [];
        texts.set(`${id} at ${position}`, Buffer.from(bytes).toString());
        handled.set(id, [...before, position]);
      };
      /** Of each entity, each position the first time. */
      const firsts = () => new Map([...handled].map(([id, positions]) => [id, [...new Set(positions)]]));
      const isAllHandled = () => IDS.every((id) => firsts().get(id)?.length === stored.get(id)?.length);
      const begin = () => {
        const stopping = new AbortController();
        const consumer = {
          name: "test/cart",
          type: "cart",
          maxRecordsPerSecond: 100_000,
          isPoison: () => false,
        };
        const events = consume(log, { ...consumer, ...dependencies, random }, handle);
        const following = events.follow(stopping.signal);
        return { events, stop: async () => (stopping.abort(), await following) };
      };

      await store(5);
      for (let round = 0; round < 3; round++) {
        const { stop } = begin();
        await store(5);
        if (round < 2)
          await until("some more is handled", () => (handled.get("cart-0")?.length ?? 0) > 5 * round);
        await stop();
      }
      const { stop } = begin();
      await until("all is handled", isAllHandled);
      await place.crash();
      await until("the log takes appends", () => log.health.kind === "usable");
      await store(5);
      await until("all is handled", isAllHandled);
      await stop();
      t.deepEqual(firsts(), stored);
      for (const [id, positions] of stored) {
        for (const [index, position] of positions.entries())
          t.is(texts.get(`${id} at ${position}`), `${id} ${index}`);
      }
      const ends = Array.from({ length: log.partitions }, (_, partition) =>
        log.lastPosition("cart", partition),
      );
      t.deepEqual(await log.readCheckpoint("test/cart"), await Promise.all(ends));
    },
  );
}
