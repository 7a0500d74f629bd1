// SPDX-License-Identifier: Apache-2.0

/** A caller's trace goes on, whatever protocol it speaks, and a hostile one does nothing. */

import type { ExecutionContext } from "ava";
import test from "ava";

import { systemClock } from "../base/mod.ts";
import type { StatusError } from "../grpc/mod.ts";
import type { Command } from "../router/mod.ts";
import type { TraceContext, Tracer } from "../telemetry/mod.ts";
import { MetricRegistry, NO_TELEMETRY, NO_TRACER } from "../telemetry/mod.ts";
import { unavailable } from "../userfunction/mod.ts";

import { until } from "../../test/lib/until.ts";
import { ENDPOINT_METRICS } from "./metrics.ts";
import { webCall, webFrame } from "./testdata/grpc-web.ts";
import { HTTP_CLIENTS, readText } from "./testdata/http-clients.ts";
import { echo, echoStream, runEndpoint, spec } from "./testdata/running-endpoint.ts";
import { Talker } from "./testdata/web-sockets.ts";

type Headers = Readonly<Record<string, string>>;

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;
const CALLERS: TraceContext = {
  traceId: TRACE_ID,
  spanId: "00f067aa0ba902b7",
  isSampled: true,
  hasRandomId: false,
};

const entries = (count: number) => Array.from({ length: count }, (_, i) => `k${i}=v`).join();

/** Makes one request in each protocol, and resolves when it is answered. */
const PROTOCOLS: Readonly<
  Record<string, (t: ExecutionContext, port: number, headers: Headers) => Promise<void>>
> = {
  "HTTP/1.1": async (_, port, headers) => {
    await readText((await HTTP_CLIENTS["HTTP/1.1"](port, { path: "/books/1", headers })).body);
  },
  "HTTP/2": async (_, port, headers) => {
    await readText((await HTTP_CLIENTS["HTTP/2"](port, { path: "/books/1", headers })).body);
  },
  gRPC: async (_, port, headers) => {
    const grpc = { "content-type": "application/grpc", te: "trailers", ...headers };
    const call = webCall("Say", webFrame(""), grpc);
    await readText((await HTTP_CLIENTS["HTTP/2"](port, call)).body);
  },
  "gRPC with streams": async (_, port, headers) => {
    const grpc = { "content-type": "application/grpc", te: "trailers", ...headers };
    await readText((await HTTP_CLIENTS["HTTP/2"](port, webCall("Chat", webFrame(""), grpc))).body);
  },
  "gRPC-Web": async (_, port, headers) => {
    await readText((await HTTP_CLIENTS["HTTP/1.1"](port, webCall("Say", webFrame(""), headers))).body);
  },
  WebSocket: async (t, port, headers) => {
    const talker = new Talker(t, port, "Chat", { headers });
    await talker.say('{"text":"a"}', "");
    await talker.closed;
  },
};

/** What the dispatch says that it has made for each command. */
const COMMANDS: TraceContext = { ...CALLERS, spanId: "b7ad6b7169203331" };

/** An endpoint with this tracer, the contexts of its commands, and the examples of how long requests took. */
async function traced(t: ExecutionContext, tracer: Tracer, failure?: StatusError) {
  const seen: (TraceContext | undefined)[] = [];
  const meter = new MetricRegistry(systemClock);
  const begin = ({ call }: Pick<Command, "call">): void => {
    seen.push(call.trace);
    call.onSpan?.(COMMANDS);
    if (failure !== undefined) throw failure;
  };
  const { port } = await runEndpoint(
    t,
    async (command) => {
      begin(command);
      return echo(command);
    },
    {},
    async function* (command) {
      begin(command);
      yield* echoStream(command);
    },
    systemClock,
    spec,
    { ...NO_TELEMETRY, tracer, meter },
  );
  /** Resolves when a request has been measured. */
  const examples = async (): Promise<readonly Exemplar[]> => {
    const durations = () =>
      meter
        .collect()
        .filter(({ metric }) => metric === ENDPOINT_METRICS.duration)
        .flatMap(({ series }) => series.map(({ value }) => value))
        .flatMap((value) => (value.kind === "distribution" ? value.buckets : []));
    await until("a request has been measured", () => durations().some(({ count }) => count > 0));
    return durations().flatMap(({ exemplar }) => (exemplar === undefined ? [] : [exemplar]));
  };
  return { port, seen, examples };
}

type Exemplar = Pick<TraceContext, "traceId" | "spanId">;

/** Another tracer than the one that is none, so the endpoint has to read contexts. */
const TRACER: Tracer = { start: (name, parent) => NO_TRACER.start(name, parent) };

const REQUESTS: readonly (readonly [what: string, headers: Headers, expected: TraceContext | undefined])[] = [
  ["no context", {}, undefined],
  ["a context", { traceparent: PARENT, tracestate: "a=1, b=2" }, { ...CALLERS, state: "a=1,b=2" }],
  ["a malformed traceparent", { traceparent: PARENT.slice(1), tracestate: "a=1" }, undefined],
  ["a traceparent that is too long", { traceparent: `01${PARENT.slice(2)}-${"x".repeat(8_000)}` }, undefined],
  ["100 traceparents", { traceparent: Array.from({ length: 100 }, () => PARENT).join(", ") }, undefined],
  ["a malformed tracestate", { traceparent: PARENT, tracestate: "A=1" }, CALLERS],
  ["a tracestate that is too long", { traceparent: PARENT, tracestate: `a=${"x".repeat(8_000)}` }, CALLERS],
  ["a tracestate of 1,000 entries", { traceparent: PARENT, tracestate: entries(1_000) }, CALLERS],
  ["baggage of 1,000 entries", { baggage: entries(1_000) }, undefined],
];

for (const [protocol, send] of Object.entries(PROTOCOLS)) {
  test(`${protocol}: a command is part of its caller's trace, if the caller says which`, async (t) => {
    const { port, seen } = await traced(t, TRACER);
    for (const [what, headers, expected] of REQUESTS) {
      await send(t, port, headers);
      t.deepEqual(seen.splice(0), [expected], what);
    }
  });

  test(`${protocol}: without a tracer no context is read, and nobody asks for a span`, async (t) => {
    const { port, seen, examples } = await traced(t, NO_TRACER);
    await send(t, port, { traceparent: PARENT });
    t.deepEqual(seen, [undefined]);
    t.deepEqual(await examples(), []);
  });

  test(`${protocol}: the span of a command is the example of its request's duration, also of one that fails`, async (t) => {
    for (const failure of [undefined, unavailable("no")]) {
      const { port, examples } = await traced(t, TRACER, failure);
      await send(t, port, {});
      const [example, ...more] = await examples();
      t.like(example, { traceId: COMMANDS.traceId, spanId: COMMANDS.spanId });
      t.is(more.length, 0);
    }
  });
}
