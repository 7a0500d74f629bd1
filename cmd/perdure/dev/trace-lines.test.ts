// SPDX-License-Identifier: Apache-2.0

import { stripVTControlCharacters } from "node:util";

import test from "ava";

import { COLOURED, PLAIN } from "./style.ts";
import { commandTrace, traced } from "./test-lib/traced.ts";
import type { ShownTrace } from "./trace-collector.ts";
import { traceLines } from "./trace-lines.ts";

const LINK = "http://localhost:16686/trace/0123456789abcdef0123456789abcdef";

const onTerminal = (trace: ShownTrace, columns: number, link?: string): string[] =>
  traceLines(trace, { style: PLAIN, columns, link });

test("on a terminal of 80 columns, of which the beginning of each line takes 16", (t) => {
  const lines = onTerminal(commandTrace(), 64, LINK);
  t.deepEqual(lines, [
    "….shoppingcart.ShoppingCart.AddItem   11.1 ms  LOG_UNAVAILABLE",
    "├─ read                                2.5 ms  ━━━",
    "├─ user function                       5.0 ms    ━━━━",
    "│  └─ validate                         4.0 ms    ━━━━",
    "├─ append                              3.1 ms  LOG_UNAVAILABLE",
    "└─ shop.Stock.Reserve                 12.0 ms         ━━━━━━━━━",
    `trace ${LINK}`,
  ]);
  t.true(lines.slice(0, -1).every((line) => line.length < 64));
});

test("names have the room that a wide terminal has, and no more than they need", (t) => {
  t.is(onTerminal(commandTrace(), 200)[1], "├─ read                                          2.5 ms  ━━━");
  const { clock, shown, request } = traced();
  const get = request("Get");
  clock.advance(1_234);
  get.end();
  clock.advance(50);
  t.deepEqual(
    shown.flatMap((trace) => onTerminal(trace, 200)),
    ["Get              1.2 s  ━━━━━━━━━━━━━━━━"],
  );
});

test("without a terminal the same is said in words", (t) => {
  t.deepEqual(traceLines(commandTrace(), { style: PLAIN, columns: undefined, link: LINK }), [
    "com.example.shoppingcart.ShoppingCart.AddItem  11.1 ms  LOG_UNAVAILABLE",
    "  read  2.5 ms  after 0.5 ms",
    "  user function  5.0 ms  after 3.0 ms",
    "    validate  4.0 ms  after 4.0 ms",
    "  append  3.1 ms  after 8.0 ms  LOG_UNAVAILABLE",
    "  shop.Stock.Reserve  12.0 ms  after 11.1 ms",
    `trace ${LINK}`,
  ]);
});

test("colours change no letter", (t) => {
  for (const columns of [undefined, 64]) {
    const coloured = traceLines(commandTrace(), { style: COLOURED, columns, link: LINK });
    const plain = traceLines(commandTrace(), { style: PLAIN, columns, link: LINK });
    t.notDeepEqual(coloured, plain);
    t.deepEqual(coloured.map(stripVTControlCharacters), plain);
  }
});

test("what goes on has no time, and what was left out is counted", (t) => {
  const { clock, shown, tracer, request } = traced({ maxSpans: 2, maxTraces: 1, maxBytes: 10_000 });
  const stream = request("shop.Cart.Watch");
  request("missed").end();
  for (const name of ["watch", "append", "append"]) tracer.start(name, stream.context);
  clock.advance(8);
  stream.end();
  clock.advance(2_000);
  const [trace] = shown;
  if (trace === undefined) return t.fail();
  t.deepEqual(onTerminal(trace, 64), [
    "shop.Cart.Watch    8.0 ms  ━━━━━━━━━━━━━━━━",
    "└─ watch          goes on  ━━━━━━━━━━━━━━━━",
    "… and 2 more spans, too many to show",
    "1 trace before this were too many to show",
  ]);
});

test("a deep trace, a narrow terminal and nasty names stay within bounds", (t) => {
  const { clock, shown, tracer, request } = traced();
  const nasty = "\u001b[2J\r\nready http://evil\u009b31m\u202e";
  const spans = [request(nasty.repeat(50))];
  for (let i = 0; i < 90; i++) spans.push(tracer.start(nasty, spans.at(-1)?.context));
  for (const span of spans.toReversed()) span.end(Object.assign(new Error("x"), { name: nasty }));
  clock.advance(50);
  const [trace] = shown;
  if (trace === undefined) return t.fail();
  for (const columns of [undefined, 0, 20, 64, 300]) {
    const lines = traceLines(trace, { style: PLAIN, columns, link: undefined });
    t.is(lines.length, 91);
    t.true(
      lines.every((line) => line.length <= (columns === undefined ? 600 : Math.max(columns, 60))),
      String(columns),
    );
    t.notRegex(lines.join(""), /[\p{Cc}\p{Cf}]/u);
  }
});
