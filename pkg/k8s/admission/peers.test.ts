// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { Peers } from "./peers.ts";

test("an address has at most half of the connections, and another one always finds some", (t) => {
  const peers = new Peers(100, 1_000);
  const open = Array.from({ length: 200 }, () => peers.connect("10.0.0.1")).filter(
    (each) => each !== undefined,
  );
  t.is(open.length, 50);
  t.not(peers.connect("10.0.0.2"), undefined);
  for (const each of open) each.close();
  t.is(peers.connections, 1);
});

test("one connection can have a quarter of the bytes, and those of an address half of them together", (t) => {
  const peers = new Peers(100, 1_000);
  const connect = (address: string) => peers.connect(address)?.bytes.charge();
  const alone = connect("10.0.0.1");
  t.true(alone?.take(250));
  t.false(alone?.take(1));
  const others = Array.from({ length: 20 }, () => connect("10.0.0.1"));
  for (let step = 0; step < 1_000; step++) others[step % others.length]?.take(1);
  t.true(peers.bytes <= 500, `${peers.bytes}`);
  t.true(connect("10.0.0.2")?.take(100), "beside them");
});

test("whatever is opened and closed, in any order and twice, nothing is left in the end", (t) => {
  const step = fc.record({
    address: fc.constantFrom("a", "b", "c"),
    what: fc.constantFrom("open", "close", "take"),
    which: fc.nat({ max: 10 }),
    amount: fc.nat({ max: 200 }),
  });
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const peers = new Peers(10, 1_000);
    const closers: (() => void)[] = [];
    for (const { address, what, which, amount } of steps) {
      if (what === "close") closers[which]?.();
      else {
        const connection = peers.connect(address);
        if (connection === undefined) continue;
        const charge = connection.bytes.charge();
        if (what === "take") charge.take(amount);
        closers.push(() => {
          charge.close();
          connection.close();
        });
      }
      t.true(peers.connections <= 10 && peers.bytes <= 1_000);
    }
    for (const close of closers) close();
    t.is(peers.connections, 0);
    t.is(peers.bytes, 0);
  });
  fc.assert(property, { numRuns: 500 });
});
