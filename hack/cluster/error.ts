// SPDX-License-Identifier: Apache-2.0

import { CodedError } from "../../pkg/base/mod.ts";

export type ClusterErrorCode =
  /** The machine lacks something; the text says what, and how to get it. */
  | "UNSUITABLE_MACHINE"
  /** A command ended with an error, which is in the text. */
  | "COMMAND_FAILED"
  /** Something did not become ready in its time. */
  | "TIMED_OUT"
  /** There is no cluster, or it is not ready. */
  | "NOT_READY";

/** Whatever goes wrong with the cluster. */
export class ClusterError extends CodedError<ClusterErrorCode> {}
