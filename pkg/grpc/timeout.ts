// SPDX-License-Identifier: Apache-2.0

import { grpcError } from "./grpc-error.ts";
import { Status } from "./status.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** Milliseconds of a `grpc-timeout` (grpc/grpc `doc/PROTOCOL-HTTP2.md`). @throws StatusError `BAD_TIMEOUT` */
export function parseTimeoutMs(value: string): number {
  const unitMs = /^\d{1,8}[HMSmun]$/.test(value) ? UNIT_MS[value.slice(-1)] : undefined;
  if (unitMs === undefined) {
    throw grpcError(Status.INTERNAL, "BAD_TIMEOUT", `not a grpc-timeout: ${value.slice(0, 32)}`);
  }
  return Number(value.slice(0, -1)) * unitMs;
}

/**
 * Formats a `grpc-timeout` in milliseconds, seconds or hours: the finest of these whose eight digits hold it. Rounded
 * up, so that it is never shorter than `timeoutMs`; at most 99,999,999 hours.
 */
export function formatTimeout(timeoutMs: number): string {
  const wholeMs = Math.max(Math.ceil(timeoutMs), 0);
  if (wholeMs < 1e8) return `${wholeMs}m`;
  if (wholeMs < 1e11) return `${Math.ceil(wholeMs / 1_000)}S`;
  return `${Math.min(Math.ceil(wholeMs / 3_600_000), 99_999_999)}H`;
}
