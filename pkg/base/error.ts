// SPDX-License-Identifier: Apache-2.0

import { inspect } from "node:util";

/** Causes in one text. More tell a reader nothing, and a circle of causes ends. */
const MAX_CAUSES = 8;

/**
 * The base of every error that Perdure throws on purpose. Each boundary extends it once, with a closed list of codes.
 * Callers decide by `code`, never by the text. `cause` keeps the original error.
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
  if (thrown instanceof Error) return thrown;
  // `inspect`, because `String` throws for objects that have no text form, and this function must not throw.
  return new Error(typeof thrown === "string" ? thrown : inspect(thrown, { breakLength: Infinity }));
}

/** One line for people: the message and those of its causes, outermost first. */
export function describeError(thrown: unknown): string {
  const lines: string[] = [];
  let current: unknown = thrown;
  // Bounded, because a chain of causes may be circular.
  do {
    const error = toError(current);
    lines.push(error.message === "" ? error.name : error.message);
    current = error.cause;
  } while (current !== undefined && current !== null && lines.length < MAX_CAUSES);
  return lines.join(": ");
}
