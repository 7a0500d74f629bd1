// SPDX-License-Identifier: Apache-2.0

import { CodedError, silentLogger } from "../../../../pkg/base/mod.ts";
import { ManualClock, seededRandom } from "../../../../pkg/base/test-doubles/mod.ts";
import { proxyOptions } from "../../../../pkg/proxy/mod.ts";
import type { Span, TraceContext } from "../../../../pkg/telemetry/mod.ts";
import { NO_TRACER } from "../../../../pkg/telemetry/mod.ts";
import { startTracing } from "../../../../pkg/telemetry/otel/mod.ts";

import type { ShownTrace, TraceBounds } from "../trace-collector.ts";
import { TraceCollector } from "../trace-collector.ts";

class LogError extends CodedError<"LOG_UNAVAILABLE"> {}

/** The tracer of `perdure dev --trace`, by a clock that stands still, and what it has shown. */
export function traced(bounds?: TraceBounds) {
  const clock = new ManualClock(5_000);
  const shown: ShownTrace[] = [];
  const watcher = new TraceCollector({
    clock,
    show: (trace) => void shown.push(trace),
    ...(bounds && { bounds }),
  });
  const tracing = startTracing(proxyOptions({}, {}), {
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    pod: {},
    version: "1",
    watcher,
  });
  const tracer = tracing?.tracer ?? NO_TRACER;
  const request = (name: string, parent?: TraceContext): Span =>
    tracer.start(name, parent, { kind: "server" });
  return { clock, shown, watcher, tracer, request };
}

/** A command that reads, asks the user function, and stores. Its side effect goes on after its answer. */
export function commandTrace(): ShownTrace {
  const { clock, shown, tracer, request } = traced();
  const command = request("com.example.shoppingcart.ShoppingCart.AddItem");
  clock.advance(0.5);
  const read = tracer.start("read", command.context);
  clock.advance(2.5);
  read.end();
  const call = tracer.start("user function", command.context);
  clock.advance(1);
  const inner = tracer.start("validate", call.context);
  clock.advance(4);
  inner.end();
  call.end();
  const append = tracer.start("append", command.context);
  clock.advance(3.1);
  append.end(new LogError("LOG_UNAVAILABLE", "no log"));
  const effect = request("shop.Stock.Reserve", command.context);
  command.end(new LogError("LOG_UNAVAILABLE", "no log"));
  clock.advance(12);
  effect.end();
  clock.advance(50);
  const [trace] = shown;
  if (trace === undefined) throw new Error("nothing was shown");
  return trace;
}
