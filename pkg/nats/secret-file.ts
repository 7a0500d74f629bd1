// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";

import { toError } from "../base/mod.ts";

import { NatsError } from "./nats-error.ts";

/**
 * Synchronous, because the client asks in the middle of its handshake and cannot wait. `what` is in the file, for the
 * text of an error. @throws NatsError `NATS_BAD_FILE`
 */
export function readSecretFile(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (thrown) {
    const cause = toError(thrown);
    throw new NatsError("NATS_BAD_FILE", `the file ${path} with ${what} cannot be read (${cause.message})`, {
      cause,
    });
  }
}
