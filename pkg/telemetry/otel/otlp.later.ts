// SPDX-License-Identifier: Apache-2.0
// Only `tracing.ts` imports it, and only when spans are to be sent: to load OpenTelemetry's packages takes longer than
// all else that the proxy loads (docs/traces.md).

import {
  convertLegacyOtlpGrpcOptions,
  createOtlpGrpcExportDelegate,
} from "@opentelemetry/otlp-grpc-exporter-base";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";

import type { Logger } from "../../base/mod.ts";

import { requestMaker } from "./otlp-encoding.ts";
import type { OtlpSource } from "./otlp-resource.ts";
import { logWarnings, resourceOf } from "./otlp-resource.ts";
import type { Sent, SpanBatch, SpanSink } from "./span-sink.ts";

export interface OtlpDependencies extends OtlpSource {
  readonly logger: Logger;
  /** `http://HOST:PORT` or `https://…`; empty: OpenTelemetry's default. */
  readonly endpoint: string;
  /** The version of what makes the spans. */
  readonly version: string;
}

type Exporter = ReturnType<typeof createOtlpGrpcExportDelegate<SpanBatch, unknown>>;
type ExportResult = Parameters<Parameters<Exporter["export"]>[1]>[0];

const SERVICE = "TraceExportService";
const METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/** `ExportResultCode.SUCCESS` of `@opentelemetry/core`. */
const SUCCESS = 0;

/**
 * The codes of gRPC after which the specification of OTLP lets a client send again: CANCELLED, DEADLINE_EXCEEDED,
 * ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS. An error without a code is one of the connection.
 */
const PASSING: readonly unknown[] = [1, 4, 10, 11, 14, 15, undefined];

/** A sink that sends spans by OTLP over gRPC. Headers, certificates and time-outs it reads from the environment. */
export function openOtlp(dependencies: OtlpDependencies): SpanSink {
  logWarnings(dependencies.logger);
  const exporter = exporterOf(dependencies);
  return {
    async send(batch) {
      try {
        return sentOf(await new Promise<ExportResult>((resolve) => exporter.export(batch, resolve)));
      } catch (thrown) {
        // Spans that cannot be sent would fail again, and must not end the process (I12).
        return { kind: "refused", problem: thrown instanceof Error ? thrown.message : String(thrown) };
      }
    },
    close: () => exporter.shutdown(),
  };
}

/** OpenTelemetry's exporter for traces, but with our bytes in place of those that it makes of objects (ADR 0028). */
function exporterOf(dependencies: OtlpDependencies): Exporter {
  const { endpoint, version } = dependencies;
  const resource = resourceOf(dependencies).attributes;
  const request = requestMaker({ resource, scope: { name: "perdure", version } });
  const noMetrics = undefined;
  return createOtlpGrpcExportDelegate<SpanBatch, unknown>(
    convertLegacyOtlpGrpcOptions(endpoint === "" ? {} : { url: endpoint }, "TRACES"),
    {
      serializeRequest: ({ spans }) => request(spans),
      deserializeResponse: (bytes) => ProtobufTraceSerializer.deserializeResponse(bytes),
    },
    "otlp_grpc_span_exporter",
    { name: "span", countItems: ({ count }) => count },
    noMetrics,
    SERVICE,
    METHOD,
  );
}

function sentOf({ code, error }: ExportResult): Sent {
  if ((code as number) === SUCCESS) return { kind: "taken" };
  const problem = error?.message ?? "no reason was given";
  const status = error !== undefined && "code" in error ? error.code : undefined;
  return PASSING.includes(status) ? { kind: "away", problem } : { kind: "refused", problem };
}
