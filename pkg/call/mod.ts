// SPDX-License-Identifier: Apache-2.0

export type { CallContext, StreamEnd } from "./call-context.ts";
export { callerlessCall, forwardedCall } from "./call-context.ts";
