// SPDX-License-Identifier: Apache-2.0

import type { Authenticator, NodeConnectionOptions } from "@nats-io/transport-node";
import { credsAuthenticator, nkeyAuthenticator } from "@nats-io/transport-node";

import type { Logger } from "../base/mod.ts";
import { describeError } from "../base/mod.ts";

import { NatsError } from "./nats-error.ts";
import type { NatsCredentials } from "./options.ts";
import { readSecretFile } from "./secret-file.ts";

/**
 * The credentials, as options for NATS's client. A file is read again at each attempt to connect.
 *
 * @param purpose What the connection is for, in the lines that are logged.
 * @throws NatsError `NATS_BAD_FILE` if there is no such file now, or it holds something else.
 */
export function identityOf(
  credentials: NatsCredentials,
  logger: Logger,
  purpose: string,
): NodeConnectionOptions {
  const onTrouble = (problem: string): void =>
    logger.warn("NATS: credentials are not there, the former ones are used", { of: purpose, error: problem });
  switch (credentials.kind) {
    case "none":
      return {};
    case "password":
      return { user: credentials.user, pass: credentials.password };
    case "token":
      return { token: credentials.token };
    case "nkey":
      return { authenticator: fromFile(credentials.path, "the seed of an NKey", seedIn, onTrouble) };
    case "creds":
      return { authenticator: fromFile(credentials.path, "NATS credentials", credsAuthenticator, onTrouble) };
  }
}

/** Some tools write lines of text around the seed. */
function seedIn(bytes: Buffer): Authenticator {
  return nkeyAuthenticator(Buffer.from(/SU[A-Z2-7]{56}/.exec(bytes.toString("latin1"))?.[0] ?? "none"));
}

/**
 * The client gives up its connection for good if an authenticator throws. So if the file is missing or incomplete
 * later, this one uses the file's former contents, and reads the file again at the next attempt.
 */
function fromFile(
  path: string,
  what: string,
  make: (bytes: Buffer) => Authenticator,
  onTrouble: (problem: string) => void,
): Authenticator {
  const read = (): Authenticator => {
    const authenticator = make(readSecretFile(path, what));
    try {
      authenticator();
    } catch {
      // No `cause`, because it would show the contents of the file.
      throw new NatsError("NATS_BAD_FILE", `the file ${path} does not hold ${what}`);
    }
    return authenticator;
  };
  let latest = read();
  return (nonce) => {
    try {
      latest = read();
    } catch (thrown) {
      onTrouble(describeError(thrown));
    }
    return latest(nonce);
  };
}
