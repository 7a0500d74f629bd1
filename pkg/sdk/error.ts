// SPDX-License-Identifier: Apache-2.0

export type SdkErrorCode =
  /** The definition of an entity makes no sense: a missing handler, an unknown one, a bad option. */
  | "BAD_ENTITY"
  /** An option of `serve`, or one of the variables HOST and PORT, makes no sense. */
  | "BAD_SETTING"
  /** Another process listens on the port. */
  | "PORT_IN_USE"
  /** The address cannot be listened on for another reason; `cause` has it. */
  | "CANNOT_LISTEN"
  /** A handler returned what is not its reply, or not a state. */
  | "BAD_RESULT"
  /** `emit` of an event for which the entity has no `on`. */
  | "UNKNOWN_EVENT"
  /** A context was used after its command had ended. */
  | "COMMAND_ENDED";

/** Every error that the SDK raises on purpose. Decide by `code`, never by the text. */
export class SdkError extends Error {
  readonly code: SdkErrorCode;

  constructor(code: SdkErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "SdkError";
    this.code = code;
  }
}

/** The proxy broke the order or the meaning of the protocol. Ends the stream with "Protocol error: ...". */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

/** What `fail` throws to leave the handler. Without a stack, since it is an answer and no defect. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";

  constructor(description: string) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(description);
    Error.stackTraceLimit = limit;
  }
}

/** The text of any thrown value. */
export function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
