// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { eventLogContract } from "./contract.ts";
import { EventLogError, NO_POSITION } from "./event-log.ts";
import { openMemoryLog } from "./memory.ts";

eventLogContract(test, "memory", async (limits) => {
  const log = openMemoryLog(limits);
  return { log, dispose: () => log.close() };
});

const ann = { type: "cart", id: "ann" };

test("I11: beyond maxMemoryLogBytes an append is refused with LOG_FULL and stores nothing", async (t) => {
  const log = openMemoryLog({ maxMemoryLogBytes: 1_000 });
  const position = await log.append(ann, NO_POSITION, new Uint8Array(700));
  const refused = await t.throwsAsync(log.append(ann, position, new Uint8Array(700)), {
    instanceOf: EventLogError,
  });
  t.is(refused.code, "LOG_FULL");
  t.is((await log.read(ann)).records.length, 1);
});

test("a snapshot that replaces another counts once", async (t) => {
  const log = openMemoryLog({ maxMemoryLogBytes: 1_500 });
  const position = await log.append(ann, NO_POSITION, new Uint8Array(1));
  for (let i = 0; i < 10; i++) await log.saveSnapshot(ann, position, new Uint8Array(500));
  const refused = await t.throwsAsync(log.saveSnapshot(ann, position, new Uint8Array(1_500)), {
    instanceOf: EventLogError,
  });
  t.is(refused.code, "LOG_FULL");
});

test("a bound that is not a whole number above zero is refused", (t) => {
  for (const pageRecords of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    const refused = t.throws(() => openMemoryLog({ pageRecords }), { instanceOf: EventLogError });
    t.is(refused.code, "LOG_BAD_ADDRESS");
    t.regex(refused.message, /pageRecords/);
  }
});
