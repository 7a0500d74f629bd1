// SPDX-License-Identifier: Apache-2.0

import { given } from "@perdure/sdk/testkit";
import test from "ava";

import { BookedSchema } from "./gen/seats/seats_pb.ts";
import { seat } from "./seat.ts";

test("a free seat is booked", async (t) => {
  const { events, reply } = await given(seat, "12A").when("book", { guest: "ann" });
  t.is(events.length, 1);
  t.is(reply.guest, "ann");
});

test("a seat that is taken stays with its guest", async (t) => {
  const taken = given(seat, "12A").event(BookedSchema, { guest: "ann" });
  const { failure, failureCode, events } = await taken.when("book", { guest: "bob" });
  t.is(failure, "The seat is taken");
  t.is(failureCode, "ALREADY_EXISTS");
  t.deepEqual(events, []);
  t.is((await taken.when("show")).reply.guest, "ann");
});
