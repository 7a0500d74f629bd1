// SPDX-License-Identifier: Apache-2.0

/** A body takes as much memory as it takes of its charge, however it is cut into chunks (I11). */

import { Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";

import test from "ava";

import type { Charge } from "../../base/mod.ts";
import { Account, collectGarbage } from "../../base/mod.ts";
import { ManualClock } from "../../base/test-doubles/mod.ts";

import { BodyReader } from "./body.ts";

/** What Node reads from a connection at once; the chunks are views of it. */
const READ_BYTES = 65_536;
const MIB = 1_048_576;

interface Reading {
  readonly source: Readable;
  readonly charge: Charge;
  readonly account: Account;
  readonly body: Promise<Buffer>;
}

async function beginBody(maxBytes = 64 * MIB): Promise<Reading> {
  const reader = new BodyReader({ maxRequestBytes: 12 * MIB, requestTimeoutMs: 1_000 }, new ManualClock());
  const account = new Account(maxBytes);
  const charge = account.charge();
  const source = new Readable({ read: () => undefined });
  const body = reader.read(source, charge, { takePieces: () => true });
  await turn();
  return { source, charge, account, body };
}

function usedBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test.serial("a body in chunks of one byte takes no more than its bytes, and comes out whole", async (t) => {
  const { source, charge, body } = await beginBody();
  const before = usedBytes();
  const count = 400_000;
  for (let at = 0; at < count; at += READ_BYTES) {
    const read = Buffer.from(Array.from({ length: READ_BYTES }, (_, index) => (at + index) % 251));
    for (let index = 0; index < READ_BYTES && at + index < count; index++)
      source.push(read.subarray(index, index + 1));
  }
  const taken = usedBytes() - before;
  t.true(taken < 2 * MIB, `${taken} bytes for ${count}`);
  t.true(charge.held >= count && charge.held <= 2 * count, `${charge.held} are taken`);
  source.push(null);
  const whole = await body;
  t.deepEqual(whole, Buffer.from(Array.from({ length: count }, (_, index) => index % 251)));
  t.is(charge.held, count);
});

test.serial("bodies of which little has come do not keep what was read with it", async (t) => {
  const before = usedBytes();
  const all = [];
  for (let count = 0; count < 200; count++) {
    const reading = await beginBody();
    reading.source.push(Buffer.alloc(READ_BYTES, "x").subarray(100, 101));
    all.push(reading);
  }
  const taken = usedBytes() - before;
  t.true(taken < 4 * MIB, `${taken} bytes for ${all.length} bodies`);
  for (const { source } of all) source.push(null);
  for (const { body } of all) t.is((await body).toString(), "x");
});

const CUTS: readonly (readonly number[])[] = [
  [],
  [1],
  [1, 1],
  [5_000],
  [READ_BYTES, READ_BYTES, 3],
  [1, READ_BYTES, 1, 5_000, 4_095, 4_096, 1],
  [1_023, 1, 1, 1_024, 70_000],
];

for (const cuts of CUTS) {
  for (const isView of [false, true]) {
    test(`chunks of [${cuts.join(", ")}] bytes${isView ? " of larger buffers" : ""} come out as one`, async (t) => {
      const { source, charge, body } = await beginBody();
      const chunks = cuts.map((length, index) => {
        const buffer = Buffer.alloc(isView ? length + READ_BYTES : length, index + 65);
        return buffer.subarray(0, length);
      });
      for (const chunk of chunks) {
        source.push(chunk);
        await turn();
        await turn();
      }
      source.push(null);
      t.deepEqual(await body, Buffer.concat(chunks));
      t.is(
        charge.held,
        cuts.reduce((sum, length) => sum + length, 0),
      );
      charge.close();
    });
  }
}

test("a refused body gives back what it has taken, pages too", async (t) => {
  const { source, charge, account, body } = await beginBody(10_000);
  const read = Buffer.alloc(READ_BYTES);
  for (let count = 0; count < 20_000; count++) source.push(read.subarray(count, count + 1));
  await t.throwsAsync(body, { code: "ENDPOINT_OVERLOADED" });
  t.is(charge.held, 0);
  t.is(account.used, 0);
});

test("a body that ended before it is read, because it has nothing, is empty", async (t) => {
  const reader = new BodyReader({ maxRequestBytes: MIB, requestTimeoutMs: 1_000 }, new ManualClock());
  const source = new Readable({ read: () => undefined });
  source.push(null);
  source.read(0);
  await turn();
  t.true(source.readableEnded);
  t.deepEqual(
    await reader.read(source, new Account(MIB).charge(), { takePieces: () => true }),
    Buffer.alloc(0),
  );
});
