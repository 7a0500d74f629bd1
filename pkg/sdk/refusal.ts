// SPDX-License-Identifier: Apache-2.0

import type { StatusName } from "./status-name.ts";
import { statusNumber } from "./status-name.ts";

export interface FailOptions {
  /**
   * What the failure means to the caller's program: a status of gRPC, and over HTTP the corresponding status (404 for
   * `NOT_FOUND`). Default: `UNKNOWN`, which is 500. Proxies other than Perdure's know only `UNKNOWN`.
   */
  readonly code?: StatusName;
}

/** A failure that a handler answers with. */
export interface Refusal {
  readonly description: string;
  /** Of gRPC; 0 if the handler gave none. */
  readonly status: number;
}

/**
 * @param what the function that was called.
 * @throws SdkError `BAD_STATUS`
 */
export function refusalOf(what: "fail" | "failure", description: string, options?: FailOptions): Refusal {
  const code = options?.code;
  return { description, status: code === undefined ? 0 : statusNumber(what, code) };
}
