// SPDX-License-Identifier: Apache-2.0

import type { Metadata } from "./metadata.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** The caller's `grpc-timeout` (grpc/grpc `doc/PROTOCOL-HTTP2.md`) in milliseconds, or undefined if it sent none. */
export function callTimeoutMs(metadata: Metadata): number | undefined {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(metadata.get("grpc-timeout") ?? "") ?? [];
  const unitMs = UNIT_MS[unit ?? ""];
  return unitMs === undefined ? undefined : Number(digits) * unitMs;
}
