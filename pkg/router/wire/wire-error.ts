// SPDX-License-Identifier: Apache-2.0

import { errorFactory, StatusError } from "../../grpc/mod.ts";

/** Why two proxies did not understand each other. */
export type WireErrorCode =
  /** The command needs a newer version of the proxy that got it. Nothing was done. */
  | "PEER_VERSION"
  /** The bytes are no command. Nothing was done. */
  | "BAD_PEER_REQUEST"
  /** The bytes are no answer that this version knows. The command may have been carried out. */
  | "BAD_PEER_ANSWER";

export const wireError = errorFactory<WireErrorCode>();

/** The error with which another proxy answered. Its code is of the list of a boundary there. */
export class PeerError extends StatusError {}
