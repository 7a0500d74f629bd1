// SPDX-License-Identifier: Apache-2.0

import { cutText } from "../../base/mod.ts";
import type { TraceContext } from "../../telemetry/mod.ts";

import type { PartState } from "../admin/report.ts";

/** Longest name of an entity in a report, in UTF-16 code units. */
const MAX_NAME_LENGTH = 200;

/** The name of an entity, as a report has it. */
export function shownName(name: string): string {
  return cutText(name, MAX_NAME_LENGTH);
}

/** The span by which a trace is found, as a report has it. */
export function shownTrace(trace: TraceContext | undefined): PartState {
  return trace === undefined ? {} : { traceId: trace.traceId, spanId: trace.spanId };
}
