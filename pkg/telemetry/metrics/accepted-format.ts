// SPDX-License-Identifier: Apache-2.0

import type { TextFormat } from "./text.ts";
import { OPEN_METRICS, PROMETHEUS } from "./text.ts";

/**
 * The format that the caller prefers by its header `Accept`. OpenMetrics only if the caller names it, in version 1.0.0
 * or in any; the text format of Prometheus in all other cases, because every reader knows it.
 */
export function acceptedFormat(accept: string | undefined): TextFormat {
  const ranges = (accept ?? "").split(",").map(mediaRange);
  const openMetrics = ranges.find(
    ({ type, version }) => type === "application/openmetrics-text" && (version ?? "1.0.0") === "1.0.0",
  );
  if (openMetrics === undefined || openMetrics.quality === 0) return PROMETHEUS;
  return openMetrics.quality >= qualityOfPlain(ranges) ? OPEN_METRICS : PROMETHEUS;
}

interface MediaRange {
  readonly type: string;
  /** From 0 to 1. */
  readonly quality: number;
  readonly version: string | undefined;
}

/** The most specific range counts (RFC 9110, 12.5.1). */
function qualityOfPlain(ranges: readonly MediaRange[]): number {
  for (const wanted of ["text/plain", "text/*", "*/*"]) {
    const found = ranges.filter(({ type, version }) => type === wanted && (version ?? "0.0.4") === "0.0.4");
    if (found.length > 0) return Math.max(...found.map(({ quality }) => quality));
  }
  return 0;
}

function mediaRange(text: string): MediaRange {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const valueOf = (name: string): string | undefined =>
    parameters
      .find((parameter) => parameter.startsWith(`${name}=`))
      ?.slice(name.length + 1)
      .replaceAll('"', "");
  const quality = Number(valueOf("q") ?? 1);
  return { type, quality: quality >= 0 && quality <= 1 ? quality : 0, version: valueOf("version") };
}
