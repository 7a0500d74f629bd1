// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { systemClock } from "../../base/mod.ts";
import type { Meter } from "../../telemetry/mod.ts";
import { MetricRegistry, NO_METER } from "../../telemetry/mod.ts";
import type { ReplyDecision, Ticket } from "../node/mod.ts";

import type { Pass } from "../reply-gate.ts";
import { Admissions } from "./admissions.ts";

const TICKET: Ticket = { shard: 1, member: "a.1", epoch: 1 };

class Desk {
  decision: ReplyDecision = "wait";
  readonly ended: Ticket[] = [];
  readonly meter: Meter;

  constructor(meter: Meter = NO_METER) {
    this.meter = meter;
  }

  mayReply(): ReplyDecision {
    return this.decision;
  }

  end(ticket: Ticket): void {
    this.ended.push(ticket);
  }
}

function open(): { desk: Desk; admissions: Admissions; told: Pass[] } {
  const desk = new Desk();
  return { desk, admissions: new Admissions(desk), told: [] };
}

test("an answer that may leave or never will is told at once", (t) => {
  const { desk, admissions } = open();
  const admission = admissions.admit(TICKET);
  for (const decision of ["reply", "over"] as const) {
    desk.decision = decision;
    t.is(admission.pass(), decision);
  }
});

test("one that waits for a lease is decided again, and all that ask are told", async (t) => {
  const { desk, admissions, told } = open();
  const admission = admissions.admit(TICKET);
  const passes = [admission.pass(), admission.pass()].map((pass) => Promise.resolve(pass));
  for (const pass of passes) void pass.then((decided) => told.push(decided));
  admissions.askAgain();
  await Promise.resolve();
  t.deepEqual(told, []);
  desk.decision = "reply";
  admissions.askAgain();
  t.deepEqual(await Promise.all(passes), ["reply", "reply"]);
});

test("nothing waits after the end of its command, or of everything", async (t) => {
  const { desk, admissions } = open();
  const first = admissions.admit(TICKET);
  const passing = first.pass();
  first.end();
  t.is(await passing, "over");
  t.deepEqual(desk.ended, [TICKET]);
  const second = admissions.admit({ ...TICKET, epoch: 2 });
  const waiting = second.pass();
  admissions.close();
  t.is(await waiting, "over");
  t.is(second.pass(), "over");
});

test("answers that waited, and those that never left, are counted once each", async (t) => {
  const registry = new MetricRegistry(systemClock);
  const desk = new Desk(registry);
  const admissions = new Admissions(desk);
  const [first, second, third] = [1, 2, 3].map((epoch) => admissions.admit({ ...TICKET, epoch }));
  const waiting = [first?.pass(), first?.pass(), second?.pass()];
  desk.decision = "reply";
  t.is(third?.pass(), "reply");
  admissions.askAgain();
  t.deepEqual(await Promise.all(waiting.map((pass) => Promise.resolve(pass))), ["reply", "reply", "reply"]);
  const fourth = admissions.admit({ ...TICKET, epoch: 4 });
  desk.decision = "wait";
  const late = fourth.pass();
  desk.decision = "over";
  admissions.askAgain();
  t.is(await late, "over");
  t.is(admissions.admit({ ...TICKET, epoch: 5 }).pass(), "over");
  const values = registry.collect().map(({ series }) => series.map(({ value }) => value));
  t.deepEqual(values, [[{ kind: "number", number: 3 }], [{ kind: "number", number: 2 }]]);
});
