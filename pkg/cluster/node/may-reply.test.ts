// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { mayReply } from "./may-reply.ts";
import { DEFAULT_MEMBER_TIMES as TIMES } from "./member.ts";
import type { Membership } from "./membership.ts";
import type { Tenure } from "./tenure.ts";

const TICKET = { shard: 1, member: "pod.1", epoch: 3 };
const SERVING: Tenure = { kind: "serving", epoch: 3, open: 1 };

function member(renewedMs: number, id = "pod.1"): Membership {
  return { kind: "member", id, revision: 1, renewedMs, request: undefined };
}

test("an answer leaves while its tenure lasts and the lease is valid", (t) => {
  t.is(mayReply(TICKET, SERVING, member(0), 499, TIMES), "reply");
  t.is(mayReply(TICKET, { ...SERVING, kind: "draining" }, member(0), 499, TIMES), "reply");
});

test("an answer waits for a lease", (t) => {
  t.is(mayReply(TICKET, SERVING, member(0), 500, TIMES), "wait");
});

test("an answer of another tenure never leaves", (t) => {
  const tenures: readonly (Tenure | undefined)[] = [
    undefined,
    { kind: "serving", epoch: 5, open: 0 },
    { kind: "packing", epoch: 3 },
    { kind: "releasing", epoch: 3 },
  ];
  for (const tenure of tenures) t.is(mayReply(TICKET, tenure, member(0), 1, TIMES), "over");
});

test("an answer of another incarnation never leaves", (t) => {
  t.is(mayReply(TICKET, SERVING, member(0, "pod.2"), 1, TIMES), "over");
  t.is(mayReply(TICKET, SERVING, { kind: "outside" }, 1, TIMES), "over");
});

test("whatever the times: it leaves only within a lease of the renewal", (t) => {
  const property = fc.property(fc.nat(20_000), fc.nat(20_000), (renewedMs, laterMs) => {
    const pass = mayReply(TICKET, SERVING, member(renewedMs), renewedMs + laterMs, TIMES);
    return (pass === "reply") === laterMs < TIMES.leaseMs && pass !== "over";
  });
  t.notThrows(() => fc.assert(property, { seed: 16 }));
});
