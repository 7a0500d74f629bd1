// SPDX-License-Identifier: Apache-2.0

import type { Metadata } from "../protocol/mod.ts";
import type { TraceContext } from "../telemetry/mod.ts";
import { writeTraceparent } from "../telemetry/mod.ts";

import type { CallContext } from "./call-context.ts";

const PARENT = "traceparent";
const STATE = "tracestate";

/** A span as the metadata that tells others of it: `traceparent` and, if there is something in it, `tracestate`. */
export function traceMetadata(trace: TraceContext): Metadata {
  const parent = { key: PARENT, value: writeTraceparent(trace) };
  return trace.state === undefined ? [parent] : [parent, { key: STATE, value: trace.state }];
}

/** The metadata of a call; if it is traced, with its own span in place of what came from the caller. */
export function tracedMetadata({ metadata, trace }: Pick<CallContext, "metadata" | "trace">): Metadata {
  if (trace === undefined) return metadata;
  const others = metadata.filter(({ key }) => {
    const name = key.toLowerCase();
    return name !== PARENT && name !== STATE;
  });
  return [...others, ...traceMetadata(trace)];
}
