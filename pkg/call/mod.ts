// SPDX-License-Identifier: Apache-2.0

export type { CallContext, StreamEnd } from "./call-context.ts";
export { callerlessCall } from "./call-context.ts";
export { tracedMetadata, traceMetadata } from "./trace-metadata.ts";
