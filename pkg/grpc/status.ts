// SPDX-License-Identifier: Apache-2.0

import { CodedError } from "../base/mod.ts";

/** The status codes of gRPC (grpc/grpc `doc/statuscodes.md`). */
export const Status = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type Status = (typeof Status)[keyof typeof Status];

/**
 * What a caller gets in place of an answer: a gRPC status, a stable code that says why (`docs/errors.md` lists them),
 * and a text for people.
 *
 * Each boundary makes its own errors by a function with a closed list of codes (`errorFactory`). `StatusError` without
 * a list is the error of any boundary, or of a peer, which chooses its codes itself (`CallError`).
 */
export class StatusError<Code extends string = string> extends CodedError<Code> {
  readonly status: Status;

  constructor(status: Status, code: Code, message: string, options?: { readonly cause?: unknown }) {
    super(code, message, options);
    this.status = status;
  }
}

/**
 * Gives the function by which one boundary makes its errors: `const routerError = errorFactory<RouterErrorCode>()`.
 * `Code` is the closed list of the boundary's codes.
 */
export function errorFactory<Code extends string>() {
  return (status: Status, code: Code, text: string, cause?: unknown): StatusError<Code> =>
    new StatusError(status, code, text, cause === undefined ? undefined : { cause });
}

const NAMES = Object.keys(Status);

/** The name of a status code, as `NOT_FOUND`. */
export function statusName(status: Status): string {
  return NAMES[status] ?? "UNKNOWN";
}

/** Whether a number is a status of gRPC other than OK. */
export function isErrorStatus(value: number): value is Exclude<Status, 0> {
  return Number.isInteger(value) && value > Status.OK && value < NAMES.length;
}

/** The status of a `grpc-status` field. What is no status of gRPC is `UNKNOWN`, as the field's specification says. */
export function parseStatus(text: string): Status {
  const value = /^\d{1,2}$/.test(text) ? Number(text) : Status.UNKNOWN;
  return value < NAMES.length ? (value as Status) : Status.UNKNOWN;
}
