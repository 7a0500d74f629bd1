// SPDX-License-Identifier: Apache-2.0

import { DiscardPolicy, JetStreamApiError, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import type { StreamConfig } from "@nats-io/jetstream";
import { AuthorizationError, NoRespondersError } from "@nats-io/transport-node";
import test from "ava";
import fc from "fast-check";

import { EventLogError } from "../event-log.ts";
import type { EventLogCode } from "../event-log.ts";
import { translateError } from "./nats-error.ts";
import { checkServer } from "./server-check.ts";
import { decodeStored, encodeStored } from "./stored.ts";
import { checkStream, eventRules, snapshotRules } from "./streams.ts";
import { eventSubject, fromToken, keyForRecord, namesOf, toToken } from "./subjects.ts";

/** Lone halves of surrogate pairs included. */
const anyText = fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)), maxLength: 40 });

test("(7) any text becomes one token of a subject and comes back from it", (t) => {
  fc.assert(
    fc.property(fc.oneof(anyText, fc.string({ unit: "binary", maxLength: 20 })), (text) => {
      const token = toToken(text);
      t.regex(token, /^[A-Za-z0-9=_-]{1,200}$/);
      if (!token.startsWith("=S")) t.is(fromToken(token), text);
    }),
  );
});

test("(7) what could be taken for another one's token is not its token", (t) => {
  const odd = [
    "",
    "-",
    "=",
    "=-",
    "=U",
    "=S",
    "=UD83D",
    "\ud83d",
    "a.b",
    "a=2Eb",
    "*",
    ">",
    "a b",
    "é",
    "=C3=A9",
  ];
  const long = ["x".repeat(201), `${"x".repeat(200)}y`, "é".repeat(100), "\ud83d".repeat(100)];
  const all = [...odd, ...long, toToken("x".repeat(201))];
  t.is(new Set(all.map(toToken)).size, all.length);
  for (const text of long) t.true(toToken(text).startsWith("=S"));
});

test("a key that its subject does not tell goes into the record", (t) => {
  t.is(keyForRecord({ type: "cart", id: "x".repeat(200) }), undefined);
  const long = { type: "cart", id: "x".repeat(201) };
  t.is(keyForRecord(long), long);
  t.true(eventSubject("p", { type: "\0".repeat(30_000), id: "\ud83d".repeat(30_000) }).length < 500);
});

test("(5) a stored message gives back its bytes, its position and its key", (t) => {
  const key = fc.option(fc.record({ type: anyText, id: anyText }), { nil: undefined });
  const stored = fc.record({ key, position: fc.maxSafeNat(), bytes: fc.uint8Array() });
  fc.assert(fc.property(stored, (one) => void t.deepEqual(decodeStored(encodeStored(one), "s, 1"), one)));
});

test("(I6, I12) a message that is none of ours is refused with its place, never taken for a record", (t) => {
  const good = encodeStored({ key: { type: "t", id: "i" }, position: 1, bytes: new Uint8Array(3) });
  const changed = (index: number, value: number) => good.with(index, value);
  const bad = [
    new Uint8Array(),
    good.subarray(0, 12),
    changed(0, 0),
    changed(1, 1),
    changed(5, 255),
    changed(13, 0),
  ];
  for (const data of bad) {
    const error = t.throws(() => decodeStored(data, "p_ev, sequence 7, p.ev.t.i"), {
      instanceOf: EventLogError,
    });
    t.is(error.code, "LOG_CORRUPT");
    t.regex(error.message, /^p_ev, sequence 7, p\.ev\.t\.i: .*restore/);
  }
  const newer = t.throws(() => decodeStored(changed(0, 2), "here"), { instanceOf: EventLogError });
  t.is(newer.code, "LOG_TOO_NEW");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (data) => {
      try {
        decodeStored(data, "here");
      } catch (thrown) {
        t.true(thrown instanceof EventLogError);
      }
    }),
  );
});

test("a server below 2.12 is refused with the version to install", (t) => {
  for (const version of ["2.11.9", "2.9.10", "1.99.0", "nonsense", ""]) {
    const old = t.throws(() => checkServer("h:4222", { version, jetstream: true }), {
      instanceOf: EventLogError,
    });
    t.is(old.code, "LOG_UNAVAILABLE");
    t.regex(old.message, /too old: install 2\.12 or newer/);
  }
  for (const version of ["2.12.0", "2.12.0-RC.1", "2.14.5", "3.0.0", "v2.15.0-dev"]) {
    t.notThrows(() => checkServer("h:4222", { version, jetstream: true }));
  }
  t.throws(() => checkServer("h:4222", { version: "2.14.5" }), { message: /start nats-server with -js/ });
});

const names = namesOf("p");

function streamOf(changes: Partial<StreamConfig>): StreamConfig {
  const safe: Partial<StreamConfig> = {
    name: "p_ev",
    subjects: [names.allEvents],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_age: 0,
    max_msgs_per_subject: -1,
    allow_direct: true,
  };
  return { ...safe, ...changes } as StreamConfig;
}

test("each setting that would lose events is refused by name", (t) => {
  t.notThrows(() => checkStream(streamOf({}), eventRules(names)));
  const losing: readonly Partial<StreamConfig>[] = [
    { storage: StorageType.Memory },
    { retention: RetentionPolicy.Workqueue },
    { discard: DiscardPolicy.Old },
    { max_age: 1 },
    { max_msgs_per_subject: 1 },
    { allow_direct: false },
    { allow_rollup_hdrs: true },
    { allow_msg_ttl: true },
    { no_ack: true },
    { sealed: true },
    { subjects: ["p.ev.*"] },
  ];
  for (const change of losing) {
    const error = t.throws(() => checkStream(streamOf(change), eventRules(names)), {
      instanceOf: EventLogError,
    });
    t.regex(error.message, new RegExp(`: ${Object.keys(change)[0]} must (?!.* must ).*\\. Change it`));
  }
  const snapshots = { subjects: [names.allSnapshots], max_msgs_per_subject: 1 };
  t.notThrows(() => checkStream(streamOf(snapshots), snapshotRules(names)));
  t.throws(() => checkStream(streamOf({ ...snapshots, max_msgs_per_subject: -1 }), snapshotRules(names)));
});

test("(6, I5) after a write only what is known to have stored nothing gets another code than OUTCOME_UNKNOWN", (t) => {
  const api = (code: number, err_code: number, description: string) =>
    new JetStreamApiError({ code, err_code, description });
  const cases: readonly (readonly [Error, EventLogCode])[] = [
    [api(400, 10071, "wrong last sequence: 7"), "APPEND_CONFLICT"],
    [api(400, 10164, "wrong last sequence"), "APPEND_CONFLICT"],
    [api(503, 10077, "maximum bytes exceeded"), "LOG_FULL"],
    [api(503, 10077, "input/output error"), "OUTCOME_UNKNOWN"],
    [api(500, 10047, "insufficient storage resources available"), "LOG_FULL"],
    [api(400, 10054, "message size exceeds maximum allowed"), "RECORD_TOO_LARGE"],
    [api(503, 10008, "JetStream system temporarily unavailable"), "LOG_UNAVAILABLE"],
    [api(429, 10167, "too many requests"), "LOG_OVERLOADED"],
    [api(500, 19_999, "something new"), "OUTCOME_UNKNOWN"],
    [api(400, 19_999, "something new"), "LOG_UNAVAILABLE"],
    [new NoRespondersError("p.ev.t.i"), "LOG_UNAVAILABLE"],
    [new AuthorizationError("Authorization Violation"), "LOG_UNAVAILABLE"],
    [new Error("connection lost"), "OUTCOME_UNKNOWN"],
  ];
  for (const [error, code] of cases) {
    const translated = translateError(error, "cart/ann", "write");
    t.is(translated.code, code, error.message);
    t.is(translated.cause, error);
  }
  t.is(translateError(new Error("connection lost"), "cart/ann", "read").code, "LOG_UNAVAILABLE");
});
