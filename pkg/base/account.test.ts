// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import type { Charge } from "./account.ts";
import { Account } from "./account.ts";

test("(1) a closed charge has given back everything, once, and takes nothing any more", (t) => {
  const account = new Account(100);
  const charge = account.holder().charge();
  t.true(charge.take(10));
  charge.give(3);
  t.deepEqual([charge.held, account.used], [7, 7]);
  charge.close();
  charge.close();
  charge.give(7);
  charge.overdraw(5);
  t.false(charge.take(1));
  t.deepEqual([charge.held, account.used], [0, 0]);
});

test("(2, 3) one holder gets half of an account, two get a third each, and a newcomer finds room", (t) => {
  const account = new Account(120);
  const first = account.holder().charge();
  t.true(first.take(60));
  t.false(first.take(1), "it would have more than is left");

  const second = account.holder().charge();
  t.true(second.take(30));
  t.false(second.take(1));
  first.give(20);
  t.true(second.take(10));
  t.deepEqual([first.held, second.held, account.available], [40, 40, 40]);
  t.true(account.holder().charge().take(20));
});

test("(3) within a holder the same rule holds for those within it", (t) => {
  const account = new Account(400);
  const address = account.holder();
  const greedy = address.holder().charge();
  t.true(greedy.take(100));
  t.false(greedy.take(1));
  t.true(address.holder().charge().take(50), "another connection of the same address");
  t.true(account.holder().holder().charge().take(60), "a connection of another address");
});

test("(4) an overdraft refuses everything else until it is given back", (t) => {
  const account = new Account(100);
  const late = account.holder().charge();
  late.overdraw(150);
  const other = account.holder().charge();
  t.false(other.take(1));
  t.is(account.available, -50);
  late.close();
  t.true(other.take(50));
});

test("(1, 2, 3) whatever charges do, sums are exact, the bound holds and shares are fair", (t) => {
  const actions = fc.array(
    fc.record({
      connection: fc.nat(5),
      what: fc.constantFrom("take", "give", "close"),
      amount: fc.integer({ min: 1, max: 400 }),
    }),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(actions, (steps) => {
      const account = new Account(1_000);
      const addresses = [account.holder(), account.holder()];
      const connections = Array.from({ length: 6 }, (_, index) => addresses[index % 2]?.holder());
      const open = new Map<number, Charge>();
      for (const { connection, what, amount } of steps) {
        const holder = connections[connection];
        const address = addresses[connection % 2];
        const charge = open.get(connection) ?? holder?.charge();
        if (charge === undefined || holder === undefined || address === undefined) return false;
        open.set(connection, charge);
        if (what === "close") {
          charge.close();
          open.delete(connection);
        } else if (what === "give") {
          charge.give(Math.min(amount, charge.held));
        } else if (charge.take(amount)) {
          if (holder.used > address.available + 1 || address.used > account.available + 1) return false;
        }
        const sum = [...open.values()].reduce((total, { held }) => total + held, 0);
        if (sum !== account.used || account.used > account.max) return false;
      }
      for (const charge of open.values()) charge.close();
      return account.used === 0 && connections.every((holder) => holder?.used === 0);
    }),
  );
  t.pass();
});

test("(4) a patient charge overdraws, and what waits for the account begins when it is given back", async (t) => {
  const account = new Account(100);
  const large = account.patientCharge();
  t.true(large.take(300));
  let begun = false;
  const waiting = account.untilAvailable().then(() => (begun = true));
  large.give(150);
  await Promise.resolve();
  t.false(begun, "there is still nothing available");
  large.close();
  await waiting;
  await account.untilAvailable();
  t.is(account.used, 0);
});
