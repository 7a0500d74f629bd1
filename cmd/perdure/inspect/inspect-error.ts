// SPDX-License-Identifier: Apache-2.0

import { CodedError } from "../../../pkg/base/mod.ts";

export type InspectErrorCode =
  /** The command line asks for something that cannot be. */
  | "BAD_USAGE"
  /** No proxy answers there. */
  | "NOT_RUNNING"
  /** What answers there gives no report. */
  | "FAILED";

/** Why `perdure inspect` or `perdure shards` shows nothing; the text says what to do about it. */
export class InspectError extends CodedError<InspectErrorCode> {}
