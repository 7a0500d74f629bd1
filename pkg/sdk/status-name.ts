// SPDX-License-Identifier: Apache-2.0

import { inspect } from "node:util";

import { status } from "@grpc/grpc-js";

import { SdkError } from "./error.ts";

/** A status of gRPC other than OK, as `NOT_FOUND`. */
export type StatusName = Exclude<keyof typeof status, "OK">;

/** Without the numbers, which the enum has as keys too. */
const NAMES = new Set(Object.keys(status).filter((key) => key !== "OK" && !/^\d+$/.test(key)));

/**
 * The number of a status.
 *
 * @param what the function that was given the name.
 * @throws SdkError `BAD_STATUS`
 */
export function statusNumber(what: string, name: StatusName): number {
  if (NAMES.has(name)) return status[name];
  const text = `${what} takes the name of a status other than OK, as NOT_FOUND, not ${inspect(name)}`;
  throw new SdkError("BAD_STATUS", text);
}

/** The name of a status number. 0 means a failure without a code, which its caller gets as `UNKNOWN`. */
export function statusName(number: number): StatusName {
  const name = status[number];
  return name !== undefined && NAMES.has(name) ? (name as StatusName) : "UNKNOWN";
}
