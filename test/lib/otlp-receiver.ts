// SPDX-License-Identifier: Apache-2.0

import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { ServerUnaryCall, ServiceDefinition, sendUnaryData } from "@grpc/grpc-js";
import { status as grpcStatus, Server, ServerCredentials } from "@grpc/grpc-js";

import type { TestScope } from "./processes.ts";

/** A span as a receiver of OTLP sees it. */
export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: the span begins its trace. */
  readonly parentSpanId: string;
  /** As in the protocol: 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, string>>;
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number;
  readonly message: string;
}

/** A metric as a receiver of OTLP sees it. */
export interface ReceivedMetric {
  readonly name: string;
  readonly unit: string;
  readonly kind: "gauge" | "sum" | "histogram";
  readonly points: readonly ReceivedPoint[];
}

interface ReceivedPoint {
  readonly attributes: Readonly<Record<string, string>>;
  /** Of a histogram: the sum of the values. */
  readonly value: number;
  /** Of a histogram: how many values there were in each bucket. */
  readonly buckets: readonly number[];
}

export interface OtlpReceiver {
  readonly port: number;
  readonly spans: readonly ReceivedSpan[];
  /** Those of the last message. */
  readonly metrics: readonly ReceivedMetric[];
  /** Attributes of the resource that the last request came from. */
  readonly resource: Readonly<Record<string, string>>;
  /** Answers all requests from now on with this gRPC code; OK: takes them. */
  answerWith(code: grpcStatus): void;
  /** How many requests came. */
  readonly requests: number;
}

const same = (bytes: Buffer): Buffer => bytes;

function exporting(service: string): ServiceDefinition {
  return {
    Export: {
      path: `/opentelemetry.proto.collector.${service}/Export`,
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  };
}

type Export = (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => void;

/**
 * A receiver of traces and metrics by OTLP over gRPC, on grpc-js, which reads the few fields that tests ask for from
 * the bytes (opentelemetry-proto, `trace/v1/trace.proto` and `metrics/v1/metrics.proto`).
 *
 * @param port 0: one of the system's choice
 */
export async function startOtlpReceiver(scope: TestScope, port = 0): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  let metrics: readonly ReceivedMetric[] = [];
  const state = { code: grpcStatus.OK, requests: 0, resource: {} as Readonly<Record<string, string>> };
  const server = new Server();
  /** Answers as told, and hands over what the request has in its scopes. */
  const takes =
    (take: (items: readonly Uint8Array[]) => void): Export =>
    ({ request }, answer) => {
      state.requests++;
      if (state.code !== grpcStatus.OK) return answer({ code: state.code, details: "no" });
      for (const ofResource of fields(request).filter(({ no }) => no === 1)) {
        const parts = fields(ofResource.bytes);
        for (const resource of parts.filter(({ no }) => no === 1))
          state.resource = keyValues(fields(resource.bytes), 1);
        take(parts.filter(({ no }) => no === 2).flatMap(({ bytes }) => itemsOf(bytes)));
      }
      answer(null, Buffer.alloc(0));
    };
  server.addService(exporting("trace.v1.TraceService"), {
    Export: takes((items) => spans.push(...items.map(readSpan))),
  });
  server.addService(exporting("metrics.v1.MetricsService"), {
    Export: takes((items) => (metrics = items.map(readMetric))),
  });
  const bound = await new Promise<number>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, at) => (error ? reject(error) : resolve(at)));
  });
  scope.teardown(() => server.forceShutdown());
  return {
    port: bound,
    spans,
    get resource() {
      return state.resource;
    },
    get metrics() {
      return metrics;
    },
    get requests() {
      return state.requests;
    },
    answerWith: (code) => void (state.code = code),
  };
}

interface Field {
  readonly no: number;
  readonly bytes: Uint8Array;
  readonly number: bigint;
}

/** The fields of a message in order, each as bytes or as a number. */
function fields(message: Uint8Array): readonly Field[] {
  const reader = new BinaryReader(message);
  const found: Field[] = [];
  while (reader.pos < reader.len) {
    const [no, type] = reader.tag();
    if (type === WireType.LengthDelimited) found.push({ no, bytes: reader.bytes(), number: 0n });
    else found.push({ no, bytes: new Uint8Array(), number: readNumber(reader, no, type) });
  }
  return found;
}

function readNumber(reader: BinaryReader, no: number, type: WireType): bigint {
  if (type === WireType.Varint) return BigInt(reader.uint64());
  if (type === WireType.Bit64) return BigInt(reader.fixed64());
  reader.skip(type, no);
  return 0n;
}

/** The spans of a message `ScopeSpans`, or of such fields of it alone. */
export function readSpans(scope: Uint8Array): readonly ReceivedSpan[] {
  return itemsOf(scope).map(readSpan);
}

/** What a scope has: its spans, or its metrics. */
function itemsOf(scope: Uint8Array): readonly Uint8Array[] {
  return fields(scope)
    .filter(({ no }) => no === 2)
    .map(({ bytes }) => bytes);
}

function readSpan(bytes: Uint8Array): ReceivedSpan {
  const all = fields(bytes);
  const field = (no: number, of = all): Field | undefined => of.find((each) => each.no === no);
  const hex = (no: number): string => Buffer.from(field(no)?.bytes ?? []).toString("hex");
  const status = fields(field(15)?.bytes ?? new Uint8Array());
  return {
    traceId: hex(1),
    spanId: hex(2),
    parentSpanId: hex(4),
    name: text(field(5)),
    kind: Number(field(6)?.number ?? 0n),
    startNs: field(7)?.number ?? 0n,
    endNs: field(8)?.number ?? 0n,
    attributes: keyValues(all, 9),
    message: text(field(2, status)),
    status: Number(field(3, status)?.number ?? 0n),
  };
}

const METRIC_KINDS = { 5: "gauge", 7: "sum", 9: "histogram" } as const;

function readMetric(bytes: Uint8Array): ReceivedMetric {
  const all = fields(bytes);
  const [data] = all.filter(({ no }) => no in METRIC_KINDS);
  const kind = METRIC_KINDS[data?.no as keyof typeof METRIC_KINDS];
  const points = fields(data?.bytes ?? new Uint8Array()).filter(({ no }) => no === 1);
  return {
    name: text(all.find(({ no }) => no === 1)),
    unit: text(all.find(({ no }) => no === 3)),
    kind,
    points: points.map((point) => readPoint(point.bytes, kind)),
  };
}

function readPoint(bytes: Uint8Array, kind: ReceivedMetric["kind"]): ReceivedPoint {
  const all = fields(bytes);
  const isHistogram = kind === "histogram";
  const counts = all.find(({ no }) => isHistogram && no === 6)?.bytes ?? new Uint8Array();
  const view = new DataView(counts.buffer, counts.byteOffset, counts.byteLength);
  return {
    attributes: keyValues(all, isHistogram ? 9 : 7),
    value: double(all.find(({ no }) => no === (isHistogram ? 5 : 4))?.number ?? 0n),
    buckets: Array.from({ length: counts.length / 8 }, (_, i) => Number(view.getBigUint64(i * 8, true))),
  };
}

function double(bits: bigint): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}

/** The `KeyValue`s with this number. Values that are not texts are shown by their numbers. */
function keyValues(all: readonly Field[], no: number): Record<string, string> {
  const pairs = all.filter((field) => field.no === no).map(({ bytes }) => fields(bytes));
  return Object.fromEntries(
    pairs.map((pair) => {
      const [value] = fields(pair.find((field) => field.no === 2)?.bytes ?? new Uint8Array());
      const shown = value?.no === 1 ? text(value) : String(value?.number ?? "");
      return [text(pair.find((field) => field.no === 1)), shown];
    }),
  );
}

function text(field: Field | undefined): string {
  return Buffer.from(field?.bytes ?? []).toString();
}
