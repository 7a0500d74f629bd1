// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { Job } from "../loader/job.ts";
import type { Targets, Way } from "./cases.ts";
import { caseOf, ENTITIES, jobOf, POD_CASES } from "./cases.ts";

const TARGETS: Targets = {
  ports: [11, 12, 13],
  owned: [0, 1, 2].map((pod) => ENTITIES.filter((entity) => Math.floor(entity / 7) % 3 === pod)),
  alonePort: 20,
  natsPort: 30,
  sizesOf: (call) => ({ requestBytes: call === "addItem" ? 100 : 50, answerBytes: 10 }),
};

/** The servers of a job, with the carts that are called there. */
function entrancesOf(way: Way): readonly Pick<Job, "port" | "entities">[] {
  const job = jobOf(caseOf(way, "addItem"), TARGETS);
  return [{ port: job.port, entities: job.entities }, ...(job.also ?? [])];
}

test("at the owner a cart is called where it is, forwarded where it is not, and never at two pods", (t) => {
  const [first, second, third] = TARGETS.owned;
  t.deepEqual(
    entrancesOf("owner").map(({ entities }) => entities),
    [first, second, third],
  );
  t.deepEqual(
    entrancesOf("forwarded").map(({ entities }) => entities),
    [second, third, first],
  );
  for (const way of ["owner", "forwarded", "any pod"] as const) {
    const entrances = entrancesOf(way);
    t.deepEqual(
      entrances.map(({ port }) => port),
      [11, 12, 13],
    );
    const called = entrances.flatMap(({ entities }) => entities);
    t.deepEqual(
      called.toSorted((a, b) => a - b),
      [...ENTITIES],
      way,
    );
  }
});

test("one pod has all carts, and a request to NATS has the size of what is forwarded", (t) => {
  t.deepEqual(entrancesOf("one pod"), [{ port: 20, entities: ENTITIES }]);
  const nats = jobOf(caseOf("nats", "getCart"), TARGETS);
  t.like(nats, { port: 30, protocol: "nats", sizes: { requestBytes: 50, answerBytes: 10 } });
  t.deepEqual(
    entrancesOf("nats").map(({ port }) => port),
    [30, 30, 30],
    "as many connections as pods",
  );
});

test("what is compared stands next to each other", (t) => {
  t.deepEqual(
    POD_CASES.map(({ way }) => way),
    ["owner", "forwarded", "nats", "owner", "forwarded", "nats", "any pod", "one pod"],
  );
});
