// SPDX-License-Identifier: Apache-2.0

import { CodedError } from "../../../pkg/base/mod.ts";

export type SnapshotsErrorCode =
  /** The command line asks for something that cannot be. */
  | "BAD_USAGE"
  /** The entity has no snapshot. */
  | "NOT_FOUND"
  /** The log could not be opened, read or written. */
  | "FAILED";

/** Why `perdure snapshots` did not do what it was asked for; the text says what to do about it. */
export class SnapshotsError extends CodedError<SnapshotsErrorCode> {}
