// SPDX-License-Identifier: Apache-2.0

/**
 * The base of every error that Perdure raises on purpose. Each boundary extends it once, with a closed list of codes;
 * callers decide by `code`, never by the text. `cause` keeps what was translated.
 */
export abstract class CodedError<Code extends string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Any thrown value as an `Error`, for places that must log or wrap what they did not expect. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** One line for people: the message and those of its causes, outermost first. */
export function describeError(thrown: unknown): string {
  const lines: string[] = [];
  let current: unknown = thrown;
  // Bounded, since a chain of causes may be a ring.
  for (let depth = 0; depth < 8 && current !== undefined; depth++) {
    const error = toError(current);
    lines.push(error.message === "" ? error.name : error.message);
    current = error.cause;
  }
  return lines.join(": ");
}
