// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { Readable } from "node:stream";

import test from "ava";
import fc from "fast-check";

import { Account } from "../base/mod.ts";

import { StreamHold } from "./stream-hold.ts";

const WINDOW_BYTES = 65_000;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Held {
  readonly stream: Readable;
  readonly hold: StreamHold;
  /** What came out of the stream, as text. */
  readonly out: () => string;
  readonly reads: () => number;
}

function held(account = new Account(1e9)): Held {
  let out = "";
  let reads = 0;
  const stream = new Readable({ read: () => void reads++ });
  const hold = new StreamHold(stream, account.charge(), undefined, () => hold.drop());
  hold.begin(undefined);
  stream.pause();
  stream.on("data", (piece: Buffer) => (out += piece.toString()));
  return { stream, hold, out: () => out, reads: () => reads };
}

test("(1, 2) pieces of one byte that nobody reads are in one buffer, which is counted, and no more is read", async (t) => {
  const account = new Account(1e9);
  const { stream, hold, out, reads } = held(account);
  for (let i = 0; i < WINDOW_BYTES; i++) t.false(stream.push(Buffer.from("x")));
  await nextTurn();
  t.is(reads(), 0);
  t.is(stream.readableLength, 0, "Node has none of them");
  t.true(account.used >= WINDOW_BYTES && account.used <= 65_536, String(account.used));
  hold.end();
  t.is(account.used, 0);
  stream.resume();
  await nextTurn();
  t.is(out().length, WINDOW_BYTES);
  t.true(reads() > 0, "reading goes on");
});

test("(1) a piece for which there is no memory ends the holding, and nothing stays taken", async (t) => {
  const account = new Account(2_000);
  const { stream, out } = held(account);
  stream.push(Buffer.alloc(1_000, "a"));
  stream.push(Buffer.alloc(1_000, "b"));
  t.is(account.used, 0);
  t.is(account.refusals, 1);
  stream.resume();
  await nextTurn();
  t.is(out(), "b".repeat(1_000), "what was kept is forgotten");
});

test("(1) what waits behind the end stays counted until it may come out", async (t) => {
  const account = new Account(1e9);
  const { stream, hold, out } = held(account);
  stream.push(Buffer.from("last"));
  const { used } = account;
  stream.push(null);
  t.is(account.used, used);
  hold.end();
  stream.resume();
  await nextTurn();
  t.is(out(), "last");
  t.is(account.used, 0);
});

test("(1, 3) what Node has already kept becomes one piece, is counted, and comes out first, and then the end", async (t) => {
  const account = new Account(1e9);
  const stream = new Readable({ read: () => undefined });
  for (let i = 0; i < 1_000; i++) stream.push(Buffer.from(String(i % 10)));
  const hold = new StreamHold(stream, account.charge(), undefined, () => undefined);
  hold.beginUnread();
  t.is(account.used, 1_000);
  stream.push(Buffer.from("last"));
  stream.push(null);
  await nextTurn();
  t.is(account.used, 2_024);
  hold.end();
  const pieces: Buffer[] = [];
  stream.on("data", (piece: Buffer) => pieces.push(piece));
  await once(stream, "end");
  t.is(Buffer.concat(pieces).toString(), `${"0123456789".repeat(100)}last`);
  t.true(pieces.length <= 3, String(pieces.length));
  t.is(account.used, 0);
});

test("(3) whatever is held, and whenever, the same bytes come out in the same order, and then the end", async (t) => {
  const step = fc.oneof(fc.constantFrom("hold", "go", "turn"), fc.nat({ max: 3_000 }));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const account = new Account(1e9);
      const { stream, hold, out } = held(account);
      let isEnded = false;
      stream.on("end", () => (isEnded = true));
      let sent = "";
      const resume = (): void => {
        hold.end();
        stream.resume();
      };
      for (const each of steps) {
        if (each === "turn") await nextTurn();
        else if (each === "go") resume();
        else if (each === "hold") {
          hold.begin(undefined);
          stream.pause();
        } else {
          const piece = String.fromCharCode(97 + (each % 26)).repeat(each);
          sent += piece;
          stream.push(Buffer.from(piece));
        }
      }
      stream.push(null);
      resume();
      for (let i = 0; i < 4; i++) await nextTurn();
      return out() === sent && isEnded && account.used === 0;
    }),
  );
  t.pass();
});
