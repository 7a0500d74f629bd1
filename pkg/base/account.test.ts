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

test("(2, 3) one holder gets half of what is shared, two get a third each", (t) => {
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

test("(3) within a group the same rule holds for its holders", (t) => {
  const account = new Account(400);
  const address = account.group();
  const greedy = address.holder().charge();
  t.true(greedy.take(100));
  t.false(greedy.take(1));
  t.true(address.holder().charge().take(50), "another connection of the same address");
  t.true(account.group().holder().charge().take(60), "a connection of another address");
});

test("(3) greedy holders leave less and less, so without floors a newcomer may find nothing", (t) => {
  const account = new Account(64);
  for (let i = 0; i < 6; i++) takeAll(account.holder().charge());
  const newcomer = account.holder().charge();
  t.true(newcomer.available <= 1);
});

test("(4) a holder may always have its floor, and floors are not taken from what is shared", (t) => {
  const account = new Account(140, { count: 2, each: 10 });
  const greedy = account.holder().charge();
  t.is(takeAll(greedy), 10 + 60, "its floor, and half of what is shared");
  for (let i = 0; i < 8; i++) greedy.overdraw(10);
  const newcomer = account.holder().charge();
  t.is(newcomer.available, 10);
  t.true(newcomer.take(4));
  t.true(newcomer.take(6));
  t.false(newcomer.take(1), "beyond its floor it has to share");
  newcomer.give(5);
  t.true(newcomer.take(5));
});

test("(4) there are so many floors at a time; one that is not used any more is another's", (t) => {
  const account = new Account(140, { count: 2, each: 10 });
  const [first, second, third] = [account.holder(), account.holder(), account.holder()];
  for (const holder of [first, second]) holder.overdraw(70);
  t.is(account.used, account.max);
  t.is(third.available, 0);
  third.overdraw(0);
  first.overdraw(0);
  first.give(70);
  t.false(third.take(1_000));
  t.is(third.available, 10 + 30);
  t.true(third.take(10));
  t.is(first.available, 30, "its floor is gone");
});

test("(4) a holder in a group has its floor however full its group is", (t) => {
  const account = new Account(1_100, { count: 100, each: 1 });
  const group = account.group();
  while (takeAll(group.holder().charge()) > 1);
  t.true(group.holder().take(1));
  t.false(group.holder().take(2));
});

test("(5) an overdraft refuses everything else until it is given back", (t) => {
  const account = new Account(100);
  const late = account.holder().charge();
  late.overdraw(150);
  const other = account.holder().charge();
  t.false(other.take(1));
  t.is(account.available, -50);
  late.close();
  t.true(other.take(50));
});

/** What connections do in turn, one in each of two groups. */
const steps = fc.array(
  fc.record({
    connection: fc.nat(5),
    what: fc.constantFrom("take", "take all", "give", "close"),
    amount: fc.integer({ min: 0, max: 400 }),
  }),
  { maxLength: 200 },
);

const EACH = 20;

for (const count of [0, 2, 6]) {
  test(`(1, 2, 3, 4) whatever charges do with ${count} floors, sums are exact, the bound holds and shares are fair`, (t) => {
    fc.assert(
      fc.property(steps, (all) => {
        const account = new Account(1_000, { count, each: EACH });
        const groups = [account.group(), account.group()] as const;
        const holders = Array.from({ length: 6 }, (_, index) => (groups[index % 2] ?? groups[0]).holder());
        const charges = holders.map((holder) => holder.charge());
        for (const { connection, what, amount } of all) {
          const holder = holders[connection] ?? fail();
          const group = groups[connection % 2] ?? fail();
          const charge = charges[connection] ?? fail();
          const isWithinFloor = count === 6 && holder.used + amount <= EACH;
          if (what === "close") {
            charge.close();
            charges[connection] = holder.charge();
          } else if (what === "give") {
            charge.give(Math.min(amount, charge.held));
          } else if (what === "take all") {
            takeAll(charge);
          } else if (charge.take(amount)) {
            const beyond = holder.used - EACH;
            if (beyond > group.available + 1 + EACH || group.used > account.available + 1 + 6 * EACH)
              return false;
          } else if (isWithinFloor) return false;
          const sum = charges.reduce((total, { held }) => total + held, 0);
          if (sum !== account.used || account.used > account.max) return false;
        }
        for (const charge of charges) charge.close();
        return account.used === 0 && account.available === 1_000 - count * EACH;
      }),
    );
    t.pass();
  });
}

test("(4) with any number of greedy holders, one within its floor is never refused", (t) => {
  const scene = fc.record({
    greedy: fc.integer({ min: 0, max: 99 }),
    portions: fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 5 }),
    asked: fc.array(fc.integer({ min: 0, max: 32 }), { maxLength: 10 }),
    isGrouped: fc.boolean(),
  });
  fc.assert(
    fc.property(scene, ({ greedy, portions, asked, isGrouped }) => {
      const account = new Account(10_000, { count: 100, each: 32 });
      const parent = isGrouped ? account.group() : account;
      for (let i = 0; i < greedy; i++) {
        const charge = parent.holder().charge();
        for (const portion of portions) while (charge.take(portion));
        takeAll(charge);
      }
      const modest = parent.holder();
      return asked.every((amount) => {
        const charge = modest.charge();
        const isServed = charge.take(amount);
        charge.close();
        return isServed && account.used <= account.max;
      });
    }),
  );
  t.pass();
});

test("(5) a patient charge overdraws, and what waits for the account begins when it is given back", async (t) => {
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

/** Takes all that the charge can get. */
function takeAll(charge: Charge): number {
  const all = Math.max(0, charge.available);
  return all === 0 || charge.take(all) ? all : fail();
}

function fail(): never {
  throw new Error("the test is wrong");
}
