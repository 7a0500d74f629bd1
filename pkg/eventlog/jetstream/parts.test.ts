// SPDX-License-Identifier: Apache-2.0

import type { StreamConfig } from "@nats-io/jetstream";
import {
  DiscardPolicy,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  StoreCompression,
} from "@nats-io/jetstream";
import { AuthorizationError, NoRespondersError } from "@nats-io/transport-node";
import test from "ava";
import fc from "fast-check";

import type { EventLogCode } from "../event-log.ts";
import { EventLogError } from "../event-log.ts";
import { Author, isSameMark } from "./author.ts";
import { checkDurability, checkPlacement, durabilityOf } from "./durability.ts";
import { Layout, STREAM_COUNTS } from "./layout.ts";
import { logError } from "./log-error.ts";
import { decodePack, encodePack, endOf, sizeOf } from "./pack.ts";
import { decodeStored, encodeStored } from "./stored.ts";
import { checkStream, copyRules, eventRules, snapshotRules } from "./stream-rules.ts";
import { fromToken, toToken } from "./subjects.ts";

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

test("a key that its subject does not tell goes into the message", (t) => {
  const layout = new Layout("p", 4);
  t.is(layout.placeOf({ type: "cart", id: "x".repeat(200) }).untoldKey, undefined);
  const long = { type: "cart", id: "x".repeat(201) };
  t.is(layout.placeOf(long).untoldKey, long);
  const longest = layout.placeOf({ type: "\0".repeat(30_000), id: "\ud83d".repeat(30_000) });
  t.true(longest.events.subject.length < 500);
});

test("each stream takes segments of its own, and an entity's subjects never change with their number", (t) => {
  const ann = { type: "cart", id: "ann" };
  const bob = { type: "cart", id: "bob" };
  for (const streams of STREAM_COUNTS) {
    const layout = new Layout("p", streams);
    const numbers = Array.from({ length: streams }, (_, number) => number);
    const subjects = numbers.flatMap((number) => layout.subjectsOf("ev", number));
    t.is(new Set(subjects).size, 16);
    t.is(subjects.length, 16);
    t.deepEqual(layout.placeOf(ann), {
      events: { stream: "p_ev_0", subject: "p.ev.0.cart.ann" },
      snapshot: { stream: "p_sn_0", subject: "p.sn.0.cart.ann" },
      untoldKey: undefined,
    });
    t.is(layout.numberOf(bob), 14 % streams);
    t.is(layout.placeOf(bob).events.subject, "p.ev.14.cart.bob");
    t.true(layout.subjectsOf("ev", layout.numberOf(bob)).includes("p.ev.14.*.*"));
  }
});

const origin = { stream: "p_ev_3", sequence: 7, subject: "p.ev.3.cart.a=2Eb" };
const mark = { author: 1n, count: 1 };

test("(I5) no two writes have the same mark, neither of one log nor of two", (t) => {
  const [one, other] = [new Author(), new Author()];
  const marks = [one.mark(), one.mark(), other.mark(), other.mark()];
  for (const [i, a] of marks.entries()) for (const [j, b] of marks.entries()) t.is(isSameMark(a, b), i === j);
  const { bytes, ...rest } = { mark: one.mark(), key: undefined, bytes: new Uint8Array(1) };
  t.true(isSameMark(decodeStored(encodeStored({ ...rest, bytes }, origin.subject), origin).mark, rest.mark));
});

test("(5) a stored message gives back its bytes, its key and its author", (t) => {
  const key = fc.option(fc.record({ type: anyText, id: anyText }), { nil: undefined });
  const author = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const anyMark = fc.record({ author, count: fc.nat(2 ** 31) });
  const stored = fc.record({ mark: anyMark, key, bytes: fc.uint8Array() });
  fc.assert(
    fc.property(stored, (one) => {
      t.deepEqual(decodeStored(encodeStored(one, origin.subject), origin), one);
    }),
  );
});

test("(I6, I12) a message with one byte changed, or of another entity, is refused with its entity and place", (t) => {
  const key = { type: "t", id: "i" };
  const good = encodeStored({ mark, key, bytes: new Uint8Array(3) }, origin.subject);
  const refused = (data: Uint8Array, from = origin) => {
    const error = t.throws(() => decodeStored(data, from), { instanceOf: EventLogError });
    t.is(error.code, "LOG_CORRUPT");
    return error;
  };
  // Byte 0 is left out, because it is the version, and a higher version has another error (`LOG_TOO_NEW`).
  for (let index = 1; index < good.length; index++) refused(good.with(index, (good[index] ?? 0) ^ 0x10));
  for (let length = 0; length < good.length; length++) refused(good.subarray(0, length));
  refused(good.with(0, 0));
  refused(good, { ...origin, subject: "p.ev.3.cart.other" });
  refused(good, { ...origin, subject: "p.sn.3.cart.a=2Eb" });
  t.regex(refused(new Uint8Array()).message, /^cart\/a\.b: stream p_ev_3, sequence 7: .*Restore/);
  t.notThrows(() => decodeStored(good, { ...origin, subject: "q.ev.3.cart.a=2Eb" }));
  const newer = t.throws(() => decodeStored(good.with(0, 2), origin), { instanceOf: EventLogError });
  t.is(newer.code, "LOG_TOO_NEW");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.string(), (data, subject) => {
      try {
        decodeStored(data, { ...origin, subject });
      } catch (thrown) {
        t.true(thrown instanceof EventLogError);
      }
    }),
  );
});

test("a pack gives back its snapshot and its records, and says how large it is and where it ends", (t) => {
  const position = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  const record = fc.record({ position, bytes: fc.uint8Array() });
  const history = fc.uniqueArray(record, { selector: (one) => one.position });
  const packs = fc.tuple(history, fc.boolean()).map(([records, hasSnapshot]) => {
    const [first, ...rest] = records.sort((a, b) => a.position - b.position);
    return hasSnapshot ? { snapshot: first, records: rest } : { snapshot: undefined, records };
  });
  fc.assert(
    fc.property(packs, (pack) => {
      const encoded = encodePack(pack);
      t.is(encoded.byteLength, sizeOf(pack));
      t.deepEqual(decodePack(encoded), pack);
      t.is(endOf(pack), (pack.records.at(-1) ?? pack.snapshot)?.position ?? 0);
    }),
  );
});

test("(I12) what is no pack is refused, and bytes of others never end in another error", (t) => {
  const good = encodePack({
    snapshot: { position: 3, bytes: new Uint8Array(2) },
    records: [{ position: 5, bytes: new Uint8Array(2) }],
  });
  const ends = new Set([15, good.length]);
  for (let length = 0; length < good.length; length++) {
    if (!ends.has(length)) t.throws(() => decodePack(good.subarray(0, length)), { message: /no pack/ });
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        decodePack(bytes);
      } catch (thrown) {
        t.true(thrown instanceof EventLogError);
      }
    }),
  );
});

const layout = new Layout("p", 4);

function streamOf(changes: Partial<StreamConfig>): StreamConfig {
  const safe: Partial<StreamConfig> = {
    name: "p_ev_1",
    subjects: layout.subjectsOf("ev", 1),
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_age: 0,
    max_msgs_per_subject: -1,
    allow_direct: true,
    allow_rollup_hdrs: true,
  };
  return { ...safe, ...changes } as StreamConfig;
}

test("settings that keep events safe are taken; each wrong one is named, with what changes it", (t) => {
  const check = (change: Partial<StreamConfig>, version = "2.14.5") =>
    checkStream(streamOf(change), eventRules(layout, 1, version));
  t.notThrows(() => check({}));
  t.notThrows(() => check({ compression: StoreCompression.S2 }));
  t.throws(() => check({ compression: StoreCompression.S2 }, "2.14.2"), {
    message:
      /: compression must be none, or nats-server 2\.14\.3 .*edit p_ev_1 --compression none; or choose/,
  });
  t.throws(() => check({ max_age: 1, discard: DiscardPolicy.Old }), {
    message:
      /: discard must .*, max_age must .*: nats stream edit p_ev_1 --discard new --max-age 0; or choose/,
  });
  t.throws(() => check({ max_age: 1, storage: StorageType.Memory, sealed: true }), {
    message: /max_age must .*\. A stream keeps its storage and sealed: choose another prefix/,
  });
  const snapshots = { subjects: layout.subjectsOf("sn", 1), max_msgs_per_subject: 1 };
  t.notThrows(() => checkStream(streamOf(snapshots), snapshotRules(layout, 1, "2.12.0")));
});

test("streams with fewer copies, or elsewhere, than is asked for are refused", (t) => {
  const asked = { replicas: 3, durability: "strict", serversSync: false } as const;
  const rules = copyRules(asked);
  t.notThrows(() => checkStream(streamOf({ num_replicas: 5 }), rules));
  t.throws(() => checkStream(streamOf({ num_replicas: 1 }), rules), { message: /num_replicas must be 3/ });

  const tagged = streamOf({ placement: { cluster: "", tags: ["ssd", "sync:always"] } });
  const elsewhere = streamOf({ placement: { cluster: "", tags: ["ssd"] } });
  t.notThrows(() => checkPlacement(asked, [tagged]));
  for (const streams of [[elsewhere], [tagged, streamOf({})]]) {
    t.throws(() => checkPlacement(asked, streams), { message: /without the tag sync:always/ });
    t.notThrows(() => checkPlacement({ ...asked, durability: "relaxed" }, streams));
    t.notThrows(() => checkPlacement({ ...asked, serversSync: true }, streams));
  }
});

test("each class of durability is told by the copies of the weakest stream and by what is asked for", (t) => {
  const streams = (...copies: number[]) => copies.map((num_replicas) => streamOf({ num_replicas }));
  const relaxed = { replicas: 1, durability: "relaxed", serversSync: false } as const;
  const strict = { ...relaxed, durability: "strict" } as const;
  t.is(durabilityOf(relaxed, streams(1, 3)), "acknowledged-before-fsync");
  t.is(durabilityOf(relaxed, streams(3, 3)), "quorum-before-fsync");
  t.is(durabilityOf(strict, streams(3, 1)), "fsync-one-node");
  t.is(durabilityOf(strict, streams(5, 3)), "fsync-quorum");
});

test("strict durability on a server that cannot tell needs the operator's word", (t) => {
  const strict = { replicas: 1, durability: "strict", serversSync: false } as const;
  const error = t.throws(() => checkDurability("h:4222", {}, strict), { instanceOf: EventLogError });
  t.is(error.code, "LOG_UNUSABLE");
  t.regex(
    error.message,
    /sync_interval: always.* PERDURE_LOG_SERVERS_SYNC=true.* PERDURE_LOG_DURABILITY=relaxed/,
  );
  t.notThrows(() => checkDurability("h:4222", { cluster: "c" }, strict));
  t.notThrows(() => checkDurability("h:4222", {}, { ...strict, serversSync: true }));
  t.notThrows(() => checkDurability("h:4222", {}, { ...strict, durability: "relaxed" }));
});

test("(6, I5) after a write only what is known to have stored nothing gets another code than OUTCOME_UNKNOWN", (t) => {
  const api = (code: number, err_code: number, description: string) =>
    new JetStreamApiError({ code, err_code, description });
  const cases: readonly (readonly [Error, EventLogCode])[] = [
    [api(400, 10071, "wrong last sequence: 7"), "APPEND_CONFLICT"],
    [api(400, 10164, "wrong last sequence"), "LOG_UNAVAILABLE"],
    [api(503, 10077, "maximum bytes exceeded"), "LOG_FULL"],
    [api(503, 10077, "input/output error"), "OUTCOME_UNKNOWN"],
    [api(500, 10047, "insufficient storage resources available"), "LOG_FULL"],
    [api(400, 10054, "message size exceeds maximum allowed"), "RECORD_TOO_LARGE"],
    [api(503, 10008, "JetStream system temporarily unavailable"), "LOG_UNAVAILABLE"],
    [api(429, 10167, "too many requests"), "LOG_OVERLOADED"],
    [api(500, 19_999, "something new"), "OUTCOME_UNKNOWN"],
    [api(400, 19_999, "something new"), "LOG_UNAVAILABLE"],
    [new NoRespondersError("p.ev.t.i"), "LOG_UNAVAILABLE"],
    [new AuthorizationError("Authorization Violation"), "LOG_UNUSABLE"],
    [new Error("connection lost"), "OUTCOME_UNKNOWN"],
  ];
  for (const [error, code] of cases) {
    const translated = logError(error, "cart/ann", "write");
    t.is(translated.code, code, error.message);
    t.is(translated.cause, error);
  }
  t.is(logError(new Error("connection lost"), "cart/ann", "read").code, "LOG_UNAVAILABLE");
});
