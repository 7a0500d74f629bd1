// SPDX-License-Identifier: Apache-2.0

import { errorFactory } from "../../grpc/mod.ts";

import type { ServiceErrorCode } from "../failure.ts";

/** Why a command of an action was not carried out, besides the status with which the action itself ends the call. */
export type ActionErrorCode =
  | ServiceErrorCode
  /** A stream had no message in either direction for too long. */
  | "STREAM_IDLE";

export const actionError = errorFactory<ActionErrorCode>();
