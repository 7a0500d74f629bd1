// SPDX-License-Identifier: Apache-2.0

import { LOG_LEVELS } from "../base/mod.ts";
import { choice, milliseconds, named, number, text } from "../settings/mod.ts";

/** What every program logs. */
export const LOGGER_SETTINGS = named({
  logLevel: choice("info", LOG_LEVELS, {
    help: "Log lines of this level and of those after it are written.",
  }),
  logRepeatLines: number(20, "lines", [1, 1_000_000], {
    help: "Log lines of one level with the same message that are written in a window; one more line counts the further ones. Lines of the level `debug` are all written.",
  }),
  logRepeatWindowMs: milliseconds(10_000, {
    help: "Length of that window: from the first such line to the line with the count.",
  }),
});

/** Metrics that the program sends by itself, by the variables of OpenTelemetry's specification. */
export const METRIC_PUSH_SETTINGS = named({
  otelMetricsExporter: text("", {
    env: "OTEL_METRICS_EXPORTER",
    help: "`otlp` sends metrics, besides `/metrics` of the admin port. If empty, or `none`, none are sent.",
  }),
  otelExporterOtlpMetricsEndpoint: text("", {
    env: "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    help: "Where they go, by OTLP over gRPC: `http://HOST:PORT`, or `https://…` for TLS. If empty, that of `OTEL_EXPORTER_OTLP_ENDPOINT`, or else `http://localhost:4317`.",
  }),
  otelExporterOtlpMetricsProtocol: text("", {
    env: "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
    help: "The proxy speaks `grpc`; another value gives a warning.",
  }),
  otelMetricExportIntervalMs: milliseconds(60_000, {
    env: "OTEL_METRIC_EXPORT_INTERVAL",
    help: "Time between two sendings.",
  }),
  otelMetricExportTimeoutMs: milliseconds(30_000, {
    env: "OTEL_METRIC_EXPORT_TIMEOUT",
    help: "Time after which a sending without an answer counts as failed; never longer than the interval.",
  }),
});

/** Traces, by the variables of OpenTelemetry's specification. */
export const TRACE_SETTINGS = named({
  otelSdkDisabled: text("", {
    env: "OTEL_SDK_DISABLED",
    help: "`true`: no traces, whatever else is set.",
  }),
  otelTracesExporter: text("", {
    env: "OTEL_TRACES_EXPORTER",
    help: "`otlp` turns traces on, `none` off. If empty, they are on if one of the two endpoints is set.",
  }),
  otelExporterOtlpEndpoint: text("", {
    env: "OTEL_EXPORTER_OTLP_ENDPOINT",
    help: "Where spans go, by OTLP over gRPC: `http://HOST:PORT`, or `https://…` for TLS. If empty, and traces are on, `http://localhost:4317`.",
  }),
  otelExporterOtlpTracesEndpoint: text("", {
    env: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    help: "The same for traces only; the stronger of the two.",
  }),
  otelExporterOtlpProtocol: text("", {
    env: "OTEL_EXPORTER_OTLP_PROTOCOL",
    help: "The proxy speaks `grpc`; another value gives a warning.",
  }),
  otelExporterOtlpTracesProtocol: text("", {
    env: "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    help: "The same for traces only; the stronger of the two.",
  }),
  otelServiceName: text("", {
    env: "OTEL_SERVICE_NAME",
    help: "`service.name` of the spans. If empty, that of `OTEL_RESOURCE_ATTRIBUTES`, or else the name of the Knative Service, or else `perdure`.",
  }),
  otelTracesSampler: text("parentbased_always_on", {
    env: "OTEL_TRACES_SAMPLER",
    help: "Which traces are kept: `always_on`, `always_off`, `traceidratio`, or `parentbased_` before one of these: what the caller has decided, and for traces that begin here what follows. Another value gives a warning and counts as the default.",
  }),
  otelTracesSamplerArg: text("", {
    env: "OTEL_TRACES_SAMPLER_ARG",
    help: "The part of all traces that `traceidratio` keeps, from 0 to 1. If empty, 1.",
  }),
  otelBspScheduleDelayMs: milliseconds(5_000, {
    env: "OTEL_BSP_SCHEDULE_DELAY",
    help: "How long a finished span waits for others before it is sent.",
  }),
  otelBspExportTimeoutMs: milliseconds(30_000, {
    env: "OTEL_BSP_EXPORT_TIMEOUT",
    help: "Time after which a sending without an answer counts as failed.",
  }),
  otelBspMaxQueueSize: number(2_048, "spans", [1, 1_000_000], {
    env: "OTEL_BSP_MAX_QUEUE_SIZE",
    help: "Finished spans that are kept until they are sent; a further one is dropped and counted, and no request waits.",
  }),
  traceQueueBytes: number(4_194_304, "bytes", [65_536, 1_073_741_824], {
    help: "Once these spans take so much, a further one is dropped and counted, however few they are.",
  }),
  otelBspMaxExportBatchSize: number(512, "spans", [1, 1_000_000], {
    env: "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    help: "Most spans that are sent at once.",
  }),
});
