// SPDX-License-Identifier: Apache-2.0

import { CodedError } from "../base/mod.ts";

export type EndpointErrorCode =
  /** Another process listens on the port. */
  | "ENDPOINT_PORT_IN_USE"
  /** The port or the address cannot be had for another reason, as missing rights. */
  | "ENDPOINT_LISTEN_FAILED";

/** Why the public port could not be opened. */
export class EndpointError extends CodedError<EndpointErrorCode> {}
