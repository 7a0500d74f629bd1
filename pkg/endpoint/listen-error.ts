// SPDX-License-Identifier: Apache-2.0

import { CodedError } from "../base/mod.ts";

export type ListenErrorCode =
  /** Another process listens on the port. */
  | "ENDPOINT_PORT_IN_USE"
  /** The port or the address is not available for another reason, for example missing rights. */
  | "ENDPOINT_LISTEN_FAILED";

/** Why the public port could not be opened. */
export class ListenError extends CodedError<ListenErrorCode> {}
