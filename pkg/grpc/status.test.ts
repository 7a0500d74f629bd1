// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { closedStreamError, connectError, lostConnectionError, statusOfHttp } from "./http2-error.ts";
import { parseStatus, Status, statusName } from "./status.ts";
import { decodeStatusMessage, encodeStatusMessage } from "./status-message.ts";
import { formatTimeout, parseTimeoutMs } from "./timeout.ts";

test("any text comes back from grpc-message as it went in", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 100 }), (text) => {
        const encoded = encodeStatusMessage(text);
        t.regex(encoded, /^[\x20-\x7e]*$/);
        t.is(encoded.trim(), encoded, "a reader of HTTP strips nothing");
        t.is(decodeStatusMessage(encoded), text);
      }),
    ),
  );
  t.is(encodeStatusMessage("100 % Öl\n"), "100 %25 %C3%96l%0A");
  const blanks = ["", " ", "  ", " a", "a ", " a  b ", "a b"].map(encodeStatusMessage);
  t.deepEqual(blanks, ["", "%20", "%20%20", "%20a", "a%20", "%20a  b%20", "a b"]);
});

test("a text that is too long for headers is cut", (t) => {
  const encoded = encodeStatusMessage("ö".repeat(10_000));
  t.true(encoded.length < 8_192);
  t.true(decodeStatusMessage(encoded).endsWith("…"));
});

test("broken escapes in grpc-message stay as they are", (t) => {
  t.is(decodeStatusMessage("50% of %zz and %C3%96 and %"), "50% of %zz and Ö and %");
});

test("grpc-status is a known code or UNKNOWN", (t) => {
  t.deepEqual(["0", "5", "16", "17", "99", "", "x", "-1"].map(parseStatus), [0, 5, 16, 2, 2, 2, 2, 2]);
  t.is(statusName(Status.DATA_LOSS), "DATA_LOSS");
});

test("timeouts are read in every unit and refused when they are none", (t) => {
  t.deepEqual(
    ["2H", "3M", "4S", "5m", "6u", "99999999n"].map(parseTimeoutMs),
    [7_200_000, 180_000, 4_000, 5, 0.006, 99.999999],
  );
  for (const bad of ["", "S", "1", "1s", "-1S", "123456789S", "1.5S", " 1S"]) {
    t.throws(() => parseTimeoutMs(bad), { code: "BAD_TIMEOUT" });
  }
});

test("a timeout that is sent is valid and never shorter than the one that was asked for", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e14, noNaN: true }), (timeoutMs) => {
        const read = parseTimeoutMs(formatTimeout(timeoutMs));
        return read >= timeoutMs && read <= timeoutMs + Math.max(1, timeoutMs / 1_000);
      }),
    ),
  );
});

test("HTTP answers and resets become the statuses that gRPC gives them", (t) => {
  t.deepEqual(
    [400, 401, 403, 404, 429, 502, 503, 504, 200, 500].map((status) => statusName(statusOfHttp(status))),
    [
      "INTERNAL",
      "UNAUTHENTICATED",
      "PERMISSION_DENIED",
      "UNIMPLEMENTED",
      "UNAVAILABLE",
      "UNAVAILABLE",
      "UNAVAILABLE",
      "UNAVAILABLE",
      "UNKNOWN",
      "UNKNOWN",
    ],
  );
  t.deepEqual(
    [0, 1, 7, 8, 11, 12, 99].map((code) => statusName(closedStreamError(code).status)),
    [
      "INTERNAL",
      "INTERNAL",
      "UNAVAILABLE",
      "CANCELLED",
      "RESOURCE_EXHAUSTED",
      "PERMISSION_DENIED",
      "INTERNAL",
    ],
  );
});

test("transport errors keep their cause and name it", (t) => {
  const cause = new Error("read ECONNRESET");
  t.like(lostConnectionError(cause), { status: 14, code: "CONNECTION_LOST", cause });
  t.like(lostConnectionError(undefined), { status: 14, message: "the connection was lost" });
  const refused = connectError("h:1", new AggregateError([new Error("connect ECONNREFUSED")]));
  t.like(refused, { code: "CONNECT_FAILED", message: "cannot connect to h:1: connect ECONNREFUSED" });
  const nobody = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  t.like(connectError("h:1", new AggregateError([nobody])), {
    code: "CONNECT_REFUSED",
    message: "nothing listens on h:1",
  });
});
