// SPDX-License-Identifier: Apache-2.0

import type { StatusError } from "../../grpc/mod.ts";
import { Status } from "../../grpc/mod.ts";

import { forwardError, undelivered } from "../forward-error.ts";
import type { PeerId } from "../placement.ts";
import type { ForwardOptions } from "./options.ts";

/** Why an owner gives no answer. These words are the bytes of its refusal. */
export type Refusal =
  /** As much as may be is under way for this caller. Nothing was done. */
  | "BUSY"
  /** A part of the request was lost. Nothing was done. */
  | "INCOMPLETE"
  /** The request has too many bytes. Nothing was done. */
  | "TOO_LARGE"
  /** The request was carried out, and the answer has too many bytes. */
  | "ANSWER_TOO_LARGE"
  /** A bug of the owner. */
  | "FAILED";

/** What a caller gets for a refusal, of its own proxy or of the owner, whose version may know more words. */
export function refusalError(word: string, peer: PeerId, { maxMessageBytes }: ForwardOptions): StatusError {
  switch (word as Refusal) {
    case "BUSY": {
      const text = `as much as may be is under way to proxy ${peer}; nothing was done, try again later`;
      return forwardError(Status.RESOURCE_EXHAUSTED, "PEER_BUSY", text);
    }
    case "INCOMPLETE":
      return undelivered(`a part of the request was lost on its way to proxy ${peer}`);
    case "TOO_LARGE": {
      const text = `the request has more than the ${maxMessageBytes} bytes that may be sent to proxy ${peer}; nothing was done`;
      return forwardError(Status.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", text);
    }
    case "ANSWER_TOO_LARGE": {
      const text = `the answer has more bytes than proxy ${peer} may send; the request was carried out`;
      return forwardError(Status.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", text);
    }
    case "FAILED":
    default: {
      const text = `proxy ${peer} gives no answer, and the request may have been carried out: ${word.slice(0, 40)}`;
      return forwardError(Status.UNAVAILABLE, "PEER_LOST", text);
    }
  }
}
