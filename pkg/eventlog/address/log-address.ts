// SPDX-License-Identifier: Apache-2.0

import type { NatsAddress } from "../../nats/address/mod.ts";
import { NatsError, parseNatsAddress } from "../../nats/address/mod.ts";

import { EventLogError } from "../event-log.ts";
import { LOG_FORMS, LOG_KINDS } from "./log-kinds.ts";

export type EventLogAddress =
  | { readonly kind: "memory" }
  /** The path as it was written: relative ones count from the working folder. */
  | { readonly kind: "sqlite"; readonly path: string }
  | ({ readonly kind: "nats" } & NatsAddress);

/** @throws EventLogError `LOG_BAD_ADDRESS` with the forms that are known. */
export function parseEventLogAddress(address: string): EventLogAddress {
  if (address === "memory:") return { kind: "memory" };
  if (/^(nats|tls):/.test(address)) return { kind: "nats", ...natsAddressOf(address) };
  if (!address.startsWith("sqlite:")) throw badAddress(address, "no such kind of log");
  const path = address.slice("sqlite:".length);
  if (path === "") throw badAddress(address, "the path is missing");
  if (path.includes("\0")) throw badAddress(address, "a path has no NUL");
  if (path.startsWith("//")) throw badAddress(address, "write the path right behind the colon");
  if (path.startsWith("~")) throw badAddress(address, "~ stands for no folder here, write it out");
  if (path === ":memory:") throw badAddress(address, "the log in memory is memory:");
  if (path.endsWith("/")) throw badAddress(address, "the path is that of a file");
  return { kind: "sqlite", path };
}

/**
 * Whether the log at an address is in servers of its own, which may start later than the proxy.
 *
 * @throws EventLogError `LOG_BAD_ADDRESS`
 */
export function isElsewhere(address: string): boolean {
  return LOG_KINDS[parseEventLogAddress(address).kind].isElsewhere;
}

/** The address of a log without its credentials (all that a URL has before its `@`), for screens and log files. */
export function shownAddress(address: string): string {
  return address.startsWith("sqlite:") ? address : address.replace(/\/\/.*@/s, "//…@");
}

function natsAddressOf(address: string): NatsAddress {
  try {
    return parseNatsAddress(address);
  } catch (thrown) {
    // Not kept as `cause`, because its text is in ours.
    if (thrown instanceof NatsError) throw badAddress(address, thrown.message);
    throw thrown;
  }
}

function badAddress(address: string, reason: string): EventLogError {
  const text = `${JSON.stringify(shownAddress(address))} is not the address of a log: ${reason}. Known are: ${LOG_FORMS}`;
  return new EventLogError("LOG_BAD_ADDRESS", text);
}
