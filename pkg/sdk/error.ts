// SPDX-License-Identifier: Apache-2.0

import { inspect } from "node:util";

export type SdkErrorCode =
  /** A definition makes no sense: a missing handler, an unknown one, a bad option. */
  | "BAD_ENTITY"
  /** An option of `serve`, or one of the variables HOST and PORT, makes no sense. */
  | "BAD_SETTING"
  /** Another process listens on the port. */
  | "PORT_IN_USE"
  /** The address cannot be listened on for another reason; `cause` has it. */
  | "CANNOT_LISTEN"
  /** A handler returned or yielded what is not its reply, or an event handler what is not a state. */
  | "BAD_RESULT"
  /** `emit`, `update`, `reply`, `forward` or `effect` was given what is not the message that it takes. */
  | "BAD_MESSAGE"
  /** A key or value that metadata cannot carry, half a CloudEvent, or `finish` where there is no stream. */
  | "BAD_METADATA"
  /** `fail`, `failure` or `abort` was given what is not the name of a status, or OK. */
  | "BAD_STATUS"
  /** `emit` of an event for which the entity has no `on`. */
  | "UNKNOWN_EVENT"
  /** `forward` or `effect` to what is not a unary method of a service that this server serves. */
  | "UNKNOWN_METHOD"
  /** `forward` to a method that replies with another message than the method that forwards. */
  | "WRONG_REPLY_TYPE"
  /** A handler made an answer with `forward`, `reply` or a similar function, but did not return or yield it. */
  | "TWO_ANSWERS"
  /** A context was used after its command had ended. */
  | "COMMAND_ENDED"
  /** The caller went away, so its messages end in the middle. The reason of an action's `signal`, too. */
  | "CANCELLED";

/** Every error that the SDK throws on purpose. Decide by `code`, never by the text. */
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

/** The bytes are no message of their declared type. Their sender is at fault: the proxy does not decode them. */
export class UnreadableMessage extends ProtocolError {}

/** What is thrown to leave the handler. Without a stack, since it is an answer and no defect. */
export class ThrownAnswer extends Error {
  constructor(description: string) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(description);
    Error.stackTraceLimit = limit;
  }
}

/** What `fail` throws. */
export class CommandFailed extends ThrownAnswer {
  override readonly name = "CommandFailed";
}

/** The text of any thrown value. */
export function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Reports to the developer an error that answers no command. `where` is empty if the place is unknown. */
export type Report = (where: string, error: unknown) => void;

/** The text for the proxy of an error that answers no command. */
export function brokenText(error: unknown): string {
  return `${kindOf(error)}: ${textOf(error)}`;
}

/** The text for the developer of such an error: where it happened and, unless the proxy caused it, its stack. */
export function reportText(where: string, error: unknown): string {
  const what = error instanceof ProtocolError ? error.message : inspect(error);
  return `${kindOf(error)}${where === "" ? "" : ` in ${where}`}: ${what}`;
}

function kindOf(error: unknown): string {
  return error instanceof ProtocolError ? "Protocol error" : "Unexpected failure";
}
