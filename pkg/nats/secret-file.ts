// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";

import { toError } from "../base/mod.ts";

import { NatsError } from "./nats-error.ts";

/**
 * Reads a file that an operator named. It is synchronous because the client asks for the contents in the middle of
 * its handshake and cannot wait.
 *
 * @param what Names the file in the text of an error.
 * @throws NatsError `NATS_BAD_FILE`
 */
export function readSecretFile(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (thrown) {
    const cause = toError(thrown);
    throw new NatsError("NATS_BAD_FILE", `${what} cannot be read (${cause.message})`, { cause });
  }
}
