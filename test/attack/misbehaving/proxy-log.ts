// SPDX-License-Identifier: Apache-2.0

import type { ProxyProcess } from "../../lib/processes.ts";

/** How much a proxy has written into its log. */
export interface LogVolume {
  readonly logLines: number;
  readonly logBytes: number;
  /** Bytes of the longest line. */
  readonly longestLine: number;
}

/** The log volume of a proxy that has ended. */
export function logVolume({ stdout }: Pick<ProxyProcess, "stdout">): LogVolume {
  const bytes = stdout.map((line) => Buffer.byteLength(line) + 1);
  return {
    logLines: bytes.length,
    logBytes: bytes.reduce((sum, length) => sum + length, 0),
    longestLine: Math.max(0, ...bytes),
  };
}
