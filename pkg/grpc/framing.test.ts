// SPDX-License-Identifier: Apache-2.0

import { gzipSync } from "node:zlib";

import test from "ava";
import fc from "fast-check";

import { Account } from "../base/mod.ts";

import { decompress } from "./compression.ts";
import { encodePrefix, encodeSmallFrame, FrameDecoder } from "./framing.ts";
import { StatusError } from "./status.ts";

const MAX_BYTES = 200_000;

/** Feeds the bytes to a decoder in pieces, cut at the given places, and returns everything that it decodes. */
function decode(bytes: Buffer, cuts: readonly number[], account = new Account(1e9)): Decoded {
  const charge = account.charge();
  const decoder = new FrameDecoder(MAX_BYTES, charge);
  const messages: Decoded["messages"] = [];
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (let i = 0; i + 1 < places.length; i++) {
    decoder.push(bytes.subarray(places[i], places[i + 1]));
    for (let message = decoder.next(); message !== undefined; message = decoder.next()) {
      messages.push({ bytes: Buffer.from(message), compressed: decoder.compressed });
      charge.give(message.length);
    }
  }
  const { atBoundary } = decoder;
  decoder.drop();
  return { messages, atBoundary };
}

interface Decoded {
  readonly messages: { bytes: Buffer; compressed: boolean }[];
  readonly atBoundary: boolean;
}

function frame(message: { bytes: Uint8Array; compressed: boolean }): Buffer {
  return Buffer.concat([encodePrefix(message.bytes.length, message.compressed), message.bytes]);
}

const message = fc.record({
  bytes: fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.integer({ min: 16_000, max: 90_000 }).map((n) => new Uint8Array(n).fill(n)),
  ),
  compressed: fc.boolean(),
});

test("however the bytes are cut, the same messages come out and no memory stays taken", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        (messages, cuts) => {
          const account = new Account(1e9);
          const decoded = decode(Buffer.concat(messages.map(frame)), cuts, account);
          const expected = messages.map((one) => ({
            bytes: Buffer.from(one.bytes),
            compressed: one.compressed,
          }));
          return (
            decoded.atBoundary &&
            account.used === 0 &&
            JSON.stringify(decoded.messages) === JSON.stringify(expected)
          );
        },
      ),
      { numRuns: 300 },
    ),
  );
});

test("bytes that end inside a message are told from bytes that end behind one", (t) => {
  const whole = frame({ bytes: Buffer.from("abcdef"), compressed: false });
  for (let length = 1; length < whole.length; length++)
    t.false(decode(whole.subarray(0, length), []).atBoundary);
  t.true(decode(whole, []).atBoundary);
});

test("garbage is refused or read, and nothing else", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.array(fc.nat(), { maxLength: 5 }), (bytes, cuts) => {
        try {
          decode(Buffer.from(bytes), cuts);
          return true;
        } catch (error) {
          return error instanceof StatusError;
        }
      }),
    ),
  );
});

test("a message in one chunk is a view of it, unless it would keep much more than itself in memory", (t) => {
  const bytes = frame({ bytes: Buffer.from("abc"), compressed: false });
  const chunk = Buffer.from(new Uint8Array(bytes).buffer);
  const decoder = new FrameDecoder(MAX_BYTES, new Account(100).charge());
  decoder.push(chunk);
  t.is(decoder.next()?.buffer, chunk.buffer);
  decoder.push(Buffer.concat([bytes, Buffer.alloc(60_000)]));
  const copy = decoder.next();
  t.is(copy?.buffer.byteLength, 3);
});

test("a message over the bound is refused from its prefix (I11)", (t) => {
  const decoder = new FrameDecoder(MAX_BYTES, new Account(100).charge());
  decoder.push(encodePrefix(MAX_BYTES, false));
  t.is(decoder.next(), undefined);
  const other = new FrameDecoder(MAX_BYTES, new Account(100).charge());
  other.push(encodePrefix(MAX_BYTES + 1, false));
  t.throws(() => other.next(), { code: "MESSAGE_TOO_LARGE" });
});

test("half-received messages share an account (I11)", (t) => {
  const account = new Account(20_000);
  const one = new FrameDecoder(MAX_BYTES, account.charge());
  one.push(frame({ bytes: Buffer.alloc(100_000), compressed: false }).subarray(0, 1_000));
  t.is(one.next(), undefined);
  const two = new FrameDecoder(MAX_BYTES, account.charge());
  two.push(frame({ bytes: Buffer.alloc(100_000), compressed: false }).subarray(0, 10_000));
  t.throws(() => two.next(), { code: "RECEIVE_BUFFER_FULL" });
  one.drop();
  two.drop();
  t.is(account.used, 0);
});

test("a small message is copied behind its prefix, a large one is not", (t) => {
  const bytes = Buffer.from("hello");
  t.deepEqual(encodeSmallFrame(bytes, true), frame({ bytes, compressed: true }));
  t.is(encodeSmallFrame(Buffer.alloc(20_000), false), undefined);
});

test("unpacking is bounded: a bomb is refused (I11)", async (t) => {
  const bomb = gzipSync(Buffer.alloc(10_000_000));
  t.true(bomb.length < 20_000);
  const account = new Account(20_000_000);
  const charge = account.charge();
  await t.throwsAsync(decompress(bomb, "gzip", 1_000_000, charge), { code: "MESSAGE_TOO_LARGE" });
  t.is(account.used, 0);
  t.is((await decompress(bomb, "gzip", 10_000_000, charge)).length, 10_000_000);
  t.is(account.used, 10_000_000, "the unpacked message is counted");
  await t.throwsAsync(decompress(bomb, "gzip", 12_000_000, charge), { code: "RECEIVE_BUFFER_FULL" });
  t.is(account.used, 10_000_000);
  await t.throwsAsync(decompress(Buffer.from("no"), "gzip", 100, charge), { code: "BAD_COMPRESSION" });
  await t.throwsAsync(decompress(bomb.subarray(0, 9_000), "gzip", 1e7, charge), { code: "BAD_COMPRESSION" });
  await t.throwsAsync(decompress(Buffer.from("no"), "identity", 100, charge), { code: "BAD_COMPRESSION" });
  t.is(account.used, 10_000_000);
});
