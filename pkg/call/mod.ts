// SPDX-License-Identifier: Apache-2.0

export { callerlessCall, forwardedCall } from "./call-context.ts";
export type { CallContext, StreamEnd } from "./call-context.ts";
