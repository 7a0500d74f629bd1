// SPDX-License-Identifier: Apache-2.0
// What sending spans and sending metrics have in common. Only files `*.later.ts` import it, because it imports
// OpenTelemetry's packages.

import { DiagLogLevel, diag } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import {
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";

import type { Logger } from "../../base/mod.ts";

export interface OtlpSource {
  /** Weaker than `OTEL_RESOURCE_ATTRIBUTES`. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Stronger than `OTEL_RESOURCE_ATTRIBUTES`; empty: nothing. */
  readonly serviceName: string;
}

/** Longest text of a warning, in UTF-16 code units: some hold a stack. */
const MAX_TEXT_LENGTH = 1_000;

/** What the packages warn of becomes log lines. */
export function logWarnings(logger: Logger): void {
  const warn = (message: string): void =>
    logger.warn("OpenTelemetry", { says: message.slice(0, MAX_TEXT_LENGTH) });
  diag.setLogger(
    { error: warn, warn, info: () => undefined, debug: () => undefined, verbose: () => undefined },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}

export function resourceOf({ attributes, serviceName }: OtlpSource): Resource {
  const given = detectResources({ detectors: [resourceAttributesEnvDetector] });
  const named = resourceFromAttributes(serviceName === "" ? {} : { "service.name": serviceName });
  return resourceFromAttributes(attributes).merge(given).merge(named);
}
