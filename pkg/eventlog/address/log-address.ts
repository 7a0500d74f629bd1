// SPDX-License-Identifier: Apache-2.0

import { EventLogError } from "./event-log.ts";
import { shownAddress } from "./shown-address.ts";

/** The error for an invalid address. Its text gives the reason and the valid forms. */
export function badAddress(address: string, reason: string): EventLogError {
  const text =
    `${JSON.stringify(shownAddress(address))} is not the address of a log: ${reason}. ` +
    "Known are: memory: (ends with the process), sqlite:PATH (a file, relative or absolute; sqlite:.perdure/log.db), " +
    "nats://HOST:PORT/PREFIX or tls://HOST:PORT/PREFIX (NATS JetStream 2.12 or newer; nats://localhost:4222)";
  return new EventLogError("LOG_BAD_ADDRESS", text);
}
