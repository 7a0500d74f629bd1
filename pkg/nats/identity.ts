// SPDX-License-Identifier: Apache-2.0

import type { Authenticator, NodeConnectionOptions } from "@nats-io/transport-node";
import { credsAuthenticator, nkeyAuthenticator } from "@nats-io/transport-node";

import type { Logger } from "../../base/mod.ts";
import { describeError } from "../../base/mod.ts";

import { EventLogError } from "../event-log.ts";
import type { NatsCredentials } from "./options.ts";
import { readSecretFile } from "./secret-file.ts";

/**
 * The credentials, as options for NATS's client. A file is read again at each attempt to connect.
 *
 * @throws EventLogError `LOG_UNUSABLE` if there is no such file now, or it holds something else.
 */
export function identityOf(credentials: NatsCredentials, logger: Logger): NodeConnectionOptions {
  switch (credentials.kind) {
    case "none":
      return {};
    case "password":
      return { user: credentials.user, pass: credentials.password };
    case "token":
      return { token: credentials.token };
    case "nkey": {
      // Some tools write lines of text around it.
      const make = (bytes: Buffer) =>
        nkeyAuthenticator(Buffer.from(/SU[A-Z2-7]{56}/.exec(bytes.toString("latin1"))?.[0] ?? "none"));
      return { authenticator: fromFile(credentials.path, "the seed of an NKey", make, logger) };
    }
    case "creds":
      return {
        authenticator: fromFile(
          credentials.path,
          "NATS credentials",
          (bytes) => credsAuthenticator(bytes),
          logger,
        ),
      };
  }
}

/**
 * The client gives up its connection for good if an authenticator throws. So if the file is missing or incomplete
 * later, this one uses the file's former contents, and reads the file again at the next attempt.
 */
function fromFile(
  path: string,
  what: string,
  make: (bytes: Buffer) => Authenticator,
  logger: Logger,
): Authenticator {
  const read = (): Authenticator => {
    const authenticator = make(readSecretFile(path, `the file ${path} with ${what}`));
    try {
      authenticator();
    } catch {
      // No `cause`, because it would show the contents of the file.
      throw new EventLogError("LOG_UNUSABLE", `the file ${path} does not hold ${what}`);
    }
    return authenticator;
  };
  let latest = read();
  return (nonce) => {
    try {
      latest = read();
    } catch (thrown) {
      logger.warn("event log: credentials are not there, the former ones are used", {
        error: describeError(thrown),
      });
    }
    return latest(nonce);
  };
}
