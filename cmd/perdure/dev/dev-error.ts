// SPDX-License-Identifier: Apache-2.0

import { CodedError } from "../../../pkg/base/mod.ts";

export type DevErrorCode =
  /** The command line asks for something that cannot be. */
  | "BAD_USAGE"
  /** The folder, or a way to run what is in it, is missing. */
  | "NO_FUNCTION"
  /** Something that was tried failed. */
  | "FAILED";

/** Why `perdure dev` does not run; the text says what to do about it. */
export class DevError extends CodedError<DevErrorCode> {}
