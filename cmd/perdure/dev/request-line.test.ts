// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { Status } from "../../../pkg/grpc/mod.ts";
import type { RequestRecord, Stored } from "../../../pkg/proxy/mod.ts";

import { requestLine } from "./request-line.ts";
import { COLOURED, PLAIN } from "./style.ts";

const HTTP: RequestRecord = {
  protocol: "http",
  method: "POST",
  target: "/cart/ann/items/add",
  status: 200,
  code: undefined,
  tookMs: 12.4,
  entity: undefined,
};
const CALL: RequestRecord = {
  ...HTTP,
  protocol: "grpc",
  method: undefined,
  target: "/shop.Cart/AddItem",
  status: Status.OK,
};

const line = (record: RequestRecord): string => requestLine(record, PLAIN);
const about = (stored: Stored, id = "ann"): RequestRecord => ({
  ...HTTP,
  entity: { type: "cart", id, stored },
});

test("a line tells way, target, status, time, entity and what was stored", (t) => {
  t.is(line(HTTP), "POST /cart/ann/items/add  200  12 ms");
  t.is(line(CALL), "gRPC /shop.Cart/AddItem  OK  12 ms");
  t.is(line({ ...CALL, protocol: "grpc-web" }), "gRPC-Web /shop.Cart/AddItem  OK  12 ms");
  t.is(line({ ...CALL, protocol: "websocket", tookMs: 2_160 }), "WebSocket /shop.Cart/AddItem  OK  2.2 s");
  t.is(line(about({ kind: "events", count: 1 })), `${line(HTTP)}  cart/ann  1 event`);
  t.is(line(about({ kind: "events", count: 0 })), `${line(HTTP)}  cart/ann  0 events`);
  t.is(line(about({ kind: "value", change: "none" })), `${line(HTTP)}  cart/ann  unchanged`);
  t.is(line(about({ kind: "value", change: "written" })), `${line(HTTP)}  cart/ann  value written`);
  t.is(line(about({ kind: "value", change: "deleted" })), `${line(HTTP)}  cart/ann  value deleted`);
});

test("a failure tells its code, once", (t) => {
  t.is(
    line({ ...HTTP, status: 404, code: "UNKNOWN_PATH" }),
    "POST /cart/ann/items/add  404 UNKNOWN_PATH  12 ms",
  );
  t.is(
    line({ ...CALL, status: Status.UNAVAILABLE, code: "USER_FUNCTION_UNAVAILABLE" }),
    "gRPC /shop.Cart/AddItem  UNAVAILABLE USER_FUNCTION_UNAVAILABLE  12 ms",
  );
  t.is(line({ ...CALL, status: Status.CANCELLED }), "gRPC /shop.Cart/AddItem  CANCELLED  12 ms");
  t.is(
    line({ ...HTTP, method: undefined, target: "", status: 400, code: "MALFORMED_REQUEST" }),
    "HTTP  400 MALFORMED_REQUEST  12 ms",
  );
});

test("nothing that a caller sends reaches the terminal as more than text, or without a bound", (t) => {
  const nasty = "\u001b[2J\r\nready http://evil\u009b31m\u202e";
  const { entity: _, ...rest } = about({ kind: "events", count: 0 });
  const shown = line({
    ...rest,
    target: nasty,
    code: nasty,
    status: 500,
    entity: { type: nasty, id: nasty, stored: { kind: "events", count: 0 } },
  });
  t.notRegex(shown, /[\p{Cc}\p{Cf}]/u);
  t.true(line({ ...HTTP, target: `/${"x".repeat(20_000)}` }).length < 300);
  t.true(line(about({ kind: "events", count: 0 }, "x".repeat(1_024))).length < 300);
});

test("colours tell who is to blame", (t) => {
  const coloured = (status: number): string => requestLine({ ...HTTP, status }, COLOURED);
  t.true(coloured(200).includes(COLOURED.good("200")));
  t.true(coloured(404).includes(COLOURED.warning("404")));
  t.true(coloured(500).includes(COLOURED.bad("500")));
});
