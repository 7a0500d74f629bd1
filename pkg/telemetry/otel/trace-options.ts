// SPDX-License-Identifier: Apache-2.0

import type { Values } from "../../settings/mod.ts";

import type { TRACE_SETTINGS } from "../settings.ts";

export type TraceOptions = Values<typeof TRACE_SETTINGS>;

/** What the settings ask for, and what of it is not there, in words for a log line. */
export interface WantedTraces {
  readonly isOn: boolean;
  readonly problems: readonly string[];
}

/**
 * Whether the settings turn traces on. As OpenTelemetry's specification asks for, words that are not known here do not
 * stop the program.
 */
export function wantedTraces(options: TraceOptions): WantedTraces {
  if (isTrue(options.otelSdkDisabled)) return { isOn: false, problems: [] };
  const exporters = words(options.otelTracesExporter);
  const isOn = exporters.length === 0 ? endpointOf(options) !== "" : exporters.includes("otlp");
  const others = exporters.filter((name) => name !== "otlp" && name !== "none");
  const problems = others.map((name) => `OTEL_TRACES_EXPORTER: ${name} is not known here`);
  const protocol = options.otelExporterOtlpTracesProtocol || options.otelExporterOtlpProtocol;
  if (isOn && protocol !== "" && protocol.trim() !== "grpc")
    problems.push(`OTEL_EXPORTER_OTLP_PROTOCOL: ${protocol} is not known here; spans go by grpc`);
  return { isOn, problems };
}

/** Empty if there is none. */
export function endpointOf(options: TraceOptions): string {
  return options.otelExporterOtlpTracesEndpoint.trim() || options.otelExporterOtlpEndpoint.trim();
}

export function isTrue(text: string): boolean {
  return text.trim().toLowerCase() === "true";
}

/** The words of a list with commas, in small letters. */
export function words(list: string): readonly string[] {
  return list
    .split(",")
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== "");
}
