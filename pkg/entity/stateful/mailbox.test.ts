// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { Status, StatusError } from "../../grpc/mod.ts";
import { NO_METER } from "../../telemetry/mod.ts";

import { EntityInstruments } from "../instruments.ts";
import { addCommand } from "../testdata/add-command.ts";
import type { Delivery } from "./delivery.ts";
import { Mailbox } from "./mailbox.ts";

const CAPACITY = 3;
const MEASURED = new EntityInstruments(NO_METER, { kind: "value", type: "counter" });
const WATCH = { measured: MEASURED, rejected: () => undefined };

interface Waiting {
  readonly delivery: Delivery;
  readonly errors: StatusError[];
  /** The caller leaves. */
  leave(): void;
}

function waiting(): Waiting {
  const errors: StatusError[] = [];
  const listeners: (() => void)[] = [];
  const delivery = {
    command: addCommand({ onCancel: (listener) => void listeners.push(listener) }),
    arrivedMs: 0,
    abandoned: false,
    conflicts: 0,
    resolve: () => undefined,
    reject: (error: StatusError) => void errors.push(error),
  };
  return { delivery, errors, leave: () => listeners.forEach((listener) => listener()) };
}

test("commands come out in the order of their arrival, one that was put back before all others; the bound holds", (t) => {
  const action = fc.constantFrom("push", "push", "shift", "put back");
  fc.assert(
    fc.property(fc.array(action), (actions) => {
      const mailbox = new Mailbox(CAPACITY, WATCH);
      const model: Delivery[] = [];
      let hasFirst = false;
      for (const action of actions) {
        const { delivery } = waiting();
        if (action === "push") {
          const fits = model.length - (hasFirst ? 1 : 0) < CAPACITY;
          t.is(mailbox.push(delivery), fits);
          if (fits) model.push(delivery);
        } else if (action === "put back" && !hasFirst) {
          mailbox.putFirst(delivery);
          model.unshift(delivery);
          hasFirst = true;
        } else {
          t.is(mailbox.shift(), model.shift());
          hasFirst = false;
        }
        t.is(mailbox.size, model.length);
        t.is(mailbox.isEmpty, model.length === 0);
      }
    }),
  );
});

test("I2: two commands cannot both have been put back", (t) => {
  const mailbox = new Mailbox(CAPACITY, WATCH);
  mailbox.putFirst(waiting().delivery);
  t.throws(() => mailbox.putFirst(waiting().delivery), { name: "AssertionFailure" });
});

test("a caller who leaves while the command waits is noted", (t) => {
  const mailbox = new Mailbox(CAPACITY, WATCH);
  const [pushed, putBack, stays] = [waiting(), waiting(), waiting()];
  mailbox.push(pushed.delivery);
  mailbox.push(stays.delivery);
  mailbox.putFirst(putBack.delivery);
  pushed.leave();
  putBack.leave();
  const abandoned = [putBack, pushed, stays].map(() => mailbox.shift()?.abandoned);
  t.deepEqual(abandoned, [true, true, false]);
});

test("all who wait get an error, once, and it is counted", (t) => {
  const rejected: Delivery[] = [];
  const watch = { measured: MEASURED, rejected: (delivery: Delivery) => void rejected.push(delivery) };
  const mailbox = new Mailbox(CAPACITY, watch);
  const all = [waiting(), waiting()];
  const putBack = waiting();
  for (const { delivery } of all) mailbox.push(delivery);
  mailbox.putFirst(putBack.delivery);
  const error = new StatusError(Status.UNKNOWN, "X", "x");
  mailbox.rejectAll(error);
  mailbox.rejectAll(error);
  for (const { errors } of [putBack, ...all]) t.deepEqual(errors, [error]);
  t.deepEqual(
    rejected,
    [putBack, ...all].map(({ delivery }) => delivery),
  );
  t.true(mailbox.isEmpty);
});
