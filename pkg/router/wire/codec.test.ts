// SPDX-License-Identifier: Apache-2.0

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import test from "ava";
import fc from "fast-check";

import { CALLERS_LINEAGE, EntityStreamError, mayPass, NO_EFFECTS } from "../../entity/mod.ts";
import { CallError, CallMetadata, Status, StatusError } from "../../grpc/mod.ts";
import type { Metadata } from "../../protocol/mod.ts";
import { PeerAnswerSchema, PeerCommandSchema } from "../../protocol/mod.ts";
import type { TraceContext } from "../../telemetry/mod.ts";
import { NO_TELEMETRY, traceReader } from "../../telemetry/mod.ts";

import { memoryTracer } from "../../../test/lib/memory-tracer.ts";
import type { Settlement, WireCommand } from "../peers.ts";
import { routerError } from "../router-error.ts";
import { readSettlement, writeFailure, writeSettlement } from "./answer-codec.ts";
import type { TravellingCall } from "./command-codec.ts";
import { readCommand, writeCommand } from "./command-codec.ts";

const READ_TRACE = traceReader({ ...NO_TELEMETRY, tracer: memoryTracer() });

const TEXT = fc.string({ unit: "binary", maxLength: 40 });
const BYTES = fc.uint8Array({ maxLength: 300 });
const METADATA: fc.Arbitrary<Metadata> = fc.array(fc.record({ key: TEXT, value: fc.oneof(TEXT, BYTES) }), {
  maxLength: 5,
});
const HEX = (length: number) =>
  fc
    .array(
      fc.nat(15).map((digit) => digit.toString(16)),
      { minLength: length, maxLength: length },
    )
    .map((digits) => `${digits.slice(1).join("")}1`);
const TRACE: fc.Arbitrary<TraceContext> = fc.record(
  {
    traceId: HEX(32),
    spanId: HEX(16),
    isSampled: fc.boolean(),
    hasRandomId: fc.boolean(),
    state: fc.constantFrom("a=b", "a=b,c=d"),
  },
  { requiredKeys: ["traceId", "spanId", "isSampled", "hasRandomId"] },
);
const COMMAND: fc.Arbitrary<WireCommand> = fc.record({
  service: fc.string({ minLength: 1, maxLength: 20 }),
  method: fc.string({ minLength: 1, maxLength: 20 }),
  payload: BYTES,
  lineage: fc.record({
    origin: TEXT,
    depth: fc.nat(1_000),
    budget: fc.oneof(fc.nat(), fc.constant(CALLERS_LINEAGE.budget)),
  }),
  hops: fc.integer({ min: 1, max: 3 }),
});
const CALL: fc.Arbitrary<TravellingCall> = fc.record({
  metadata: METADATA,
  idempotencyKey: fc.option(TEXT, { nil: undefined }),
  trace: fc.option(TRACE, { nil: undefined }),
});
const SETTLEMENT: fc.Arbitrary<Settlement> = fc.oneof(
  fc.record({
    kind: fc.constant("reply" as const),
    typeUrl: TEXT,
    payload: BYTES,
    metadata: METADATA,
    effects: fc.constant(NO_EFFECTS),
  }),
  fc.constant({ kind: "nothing" as const, effects: NO_EFFECTS }),
);

/** A field that this version does not know. */
function unknownField(number: number): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).string("of a newer version").finish();
}

function joined(...pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}

function failureOf(error: StatusError): StatusError {
  try {
    readSettlement(writeFailure(error));
  } catch (thrown) {
    if (thrown instanceof StatusError) return thrown;
  }
  throw new Error("it was no failure");
}

test("a command arrives exactly as it was sent, and unknown fields change nothing", (t) => {
  fc.assert(
    fc.property(COMMAND, CALL, (command, call) => {
      const bytes = writeCommand(command, call);
      t.deepEqual(readCommand(bytes, READ_TRACE), { command, call });
      t.deepEqual(readCommand(joined(unknownField(500), bytes, unknownField(501)), READ_TRACE), {
        command,
        call,
      });
      // What the hand-written encoder writes is what the generated code reads and writes.
      const message = fromBinary(PeerCommandSchema, bytes);
      t.is(message.$unknown, undefined);
      t.deepEqual(readCommand(toBinary(PeerCommandSchema, message), READ_TRACE), { command, call });
    }),
  );
});

test("an answer arrives exactly as it was given, and unknown fields change nothing", (t) => {
  fc.assert(
    fc.property(SETTLEMENT, (settlement) => {
      const bytes = writeSettlement(settlement);
      t.deepEqual(readSettlement(bytes), settlement);
      t.deepEqual(readSettlement(joined(unknownField(500), bytes)), settlement);
      t.deepEqual(
        readSettlement(toBinary(PeerAnswerSchema, fromBinary(PeerAnswerSchema, bytes))),
        settlement,
      );
    }),
  );
});

test("a trace that nobody keeps is not read", (t) => {
  const trace = { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true };
  const command = { service: "s", method: "m", payload: new Uint8Array(), lineage: CALLERS_LINEAGE, hops: 1 };
  const bytes = writeCommand(command, { metadata: [], idempotencyKey: undefined, trace });
  t.is(readCommand(bytes, undefined).call.trace, undefined);
});

test("an error keeps its status, code and text", (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 16 }), TEXT, (status, text) => {
      const error = failureOf(routerError(status as Status, "BAD_TARGET", text));
      t.is(error.constructor.name, "PeerError");
      t.deepEqual([error.status, error.code, error.message], [status as Status, "BAD_TARGET", text]);
    }),
  );
});

test("an error that cannot be one becomes one that can", (t) => {
  class Odd extends StatusError {}
  const odd = failureOf(new Odd(99 as Status, "NOT A\r\nHEADER", "text"));
  t.deepEqual([odd.status, odd.code], [Status.UNKNOWN, "UNKNOWN"]);
});

test("what decides whether a command is tried again arrives with its error", (t) => {
  for (const reason of ["unanswered", "violated"] as const) {
    const error = new EntityStreamError(reason, "Unexpected entity termination");
    const read = failureOf(error);
    t.true(read instanceof EntityStreamError);
    t.is(mayPass(read), mayPass(error));
    t.deepEqual([read.code, read.status, read.message], [error.code, error.status, error.message]);
  }
});

test("the status with which an action ended its call arrives with its metadata", (t) => {
  const metadata = CallMetadata.of([["x-one", "1"]]);
  const trailers = CallMetadata.of([
    ["x-two", "2"],
    ["x-two", "3"],
    ["grpc-status-details-bin", Uint8Array.of(1, 2, 255)],
  ]);
  const error = new CallError({ status: Status.NOT_FOUND, code: "MINE", message: "no", metadata, trailers });
  const read = failureOf(error);
  t.true(read instanceof CallError);
  t.deepEqual([read.status, read.code, read.message], [Status.NOT_FOUND, "MINE", "no"]);
  t.deepEqual([...(read as CallError).metadata], [...metadata]);
  t.deepEqual([...(read as CallError).trailers], [...trailers]);
});

test("metadata of a status that no call can have makes the answer unreadable", (t) => {
  const entry = { key: "Not A Name", value: { case: "stringValue" as const, value: "x" } };
  const callEnd = { metadata: { entries: [entry] }, trailers: { entries: [] } };
  const bytes = toBinary(
    PeerAnswerSchema,
    create(PeerAnswerSchema, {
      result: { case: "failure", value: { status: 5, code: "MINE", message: "no", callEnd } },
    }),
  );
  t.throws(() => readSettlement(bytes), { code: "BAD_PEER_ANSWER" });
});

test("a command that needs a newer version is refused with a code of its own", (t) => {
  const bytes = toBinary(
    PeerCommandSchema,
    create(PeerCommandSchema, { needsVersion: 1, service: "a", method: "b" }),
  );
  t.throws(() => readCommand(bytes, undefined), { code: "PEER_VERSION", message: /nothing was done/ });
});

test("an answer that only a newer version knows is no answer", (t) => {
  t.throws(() => readSettlement(unknownField(9)), {
    code: "BAD_PEER_ANSWER",
    message: /may have been carried out/,
  });
});

test("I12: any bytes are a command, or refused with one code", (t) => {
  const command = {
    service: "s",
    method: "m",
    payload: Buffer.from("payload"),
    lineage: CALLERS_LINEAGE,
    hops: 1,
  };
  const call = { metadata: [{ key: "a", value: "b" }], idempotencyKey: "key", trace: undefined };
  const right = writeCommand(command, call);
  const damaged = fc
    .tuple(fc.nat(right.length - 1), fc.nat(255))
    .map(([at, byte]) => right.map((each, index) => (index === at ? byte : each)));
  const cut = fc.nat(right.length - 1).map((length) => right.subarray(0, length));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), damaged, cut), (bytes) => {
      for (const [read, codes] of [
        [() => readCommand(bytes, READ_TRACE), ["BAD_PEER_REQUEST", "PEER_VERSION"]],
        [() => readSettlement(bytes), ["BAD_PEER_ANSWER"]],
      ] as const) {
        try {
          read();
        } catch (thrown) {
          if (!(thrown instanceof StatusError)) throw thrown;
          // What happens to be a failure is one.
          if (!(thrown.constructor.name === "PeerError"))
            t.true(
              codes.some((code) => code === thrown.code),
              thrown.code,
            );
        }
      }
    }),
    { numRuns: 2_000 },
  );
  t.throws(() => readCommand(new Uint8Array(0), undefined), { code: "BAD_PEER_REQUEST" });
});

test("I11: a message with more fields than are read is refused", (t) => {
  const entry = new BinaryWriter().tag(5, WireType.LengthDelimited).fork();
  for (let i = 0; i < 50_000; i++) entry.tag(1, WireType.LengthDelimited).fork().join();
  const command = {
    service: "s",
    method: "m",
    payload: new Uint8Array(0),
    lineage: CALLERS_LINEAGE,
    hops: 1,
  };
  const right = writeCommand(command, { metadata: [], idempotencyKey: undefined, trace: undefined });
  t.throws(() => readCommand(joined(right, entry.join().finish()), undefined), { code: "BAD_PEER_REQUEST" });
});
