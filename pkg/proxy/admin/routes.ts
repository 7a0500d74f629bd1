// SPDX-License-Identifier: Apache-2.0

import type { AdminRefusalCode, Reach } from "./caller.ts";

export interface AdminRequest {
  readonly method: string;
  readonly query: URLSearchParams;
  /** The header `Accept`. */
  readonly accept: string | undefined;
  /** True if a program of this machine or pod sent it, and not a web page. It may see more than other callers. */
  readonly isLocal: boolean;
  /** True if the sender may do what changes the proxy: it sent the secret, or is local and there is none. */
  readonly isOperator: boolean;
}

export interface AdminAnswer {
  readonly status: number;
  /** For people; a line break is added. */
  readonly text: string;
  /** Default: plain text. */
  readonly contentType?: string;
  /** Goes out as the header `perdure-error-code`. */
  readonly code?: AdminRefusalCode | "MALFORMED_REQUEST" | "UNKNOWN_EXPECTATION" | "UNKNOWN_TRANSFER_CODING";
  /** The connection closes after the answer. */
  readonly isLast?: boolean;
}

/** Something that the admin port answers. */
export interface AdminRoute {
  readonly path: string;
  readonly methods: readonly string[];
  readonly reach: Reach;
  handle(request: AdminRequest): AdminAnswer | Promise<AdminAnswer>;
}
