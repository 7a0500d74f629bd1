// SPDX-License-Identifier: Apache-2.0

import { CodedError } from "../base/mod.ts";

export type MessageErrorCode =
  /** The message has more fields than may be read, or than may become objects. */
  "MESSAGE_TOO_MANY_FIELDS";

/** The error for a message that is refused for its size in memory, or for the time that reading it takes. */
export class MessageError extends CodedError<MessageErrorCode> {}
