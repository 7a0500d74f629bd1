// SPDX-License-Identifier: Apache-2.0

/**
 * The error texts that callers get when an entity's stream fails. They are Cloudstate's texts to the letter, because
 * clients and its TCK compare them.
 */
export interface StreamTexts {
  /** A reply to a command that is not open. */
  readonly reply: string;
  /** The user function sent a failure for the stream. */
  readonly failure: string;
  /** Not a message of the protocol. */
  readonly message: string;
  /** The stream ended. */
  readonly termination: string;
  /** For callers whose command was still waiting. */
  readonly waiting: string;
}

export const EVENT_SOURCED_TEXTS: StreamTexts = {
  reply: "Unexpected entity reply",
  failure: "Unexpected entity failure",
  message: "Unexpected entity message",
  termination: "Unexpected entity termination",
  waiting: "Entity terminated",
};

export const VALUE_TEXTS: StreamTexts = {
  reply: "Unexpected Value entity reply",
  failure: "Unexpected Value entity failure",
  message: "Unexpected Value entity failure",
  termination: "Unexpected Value entity termination",
  waiting: "Value entity terminated",
};
