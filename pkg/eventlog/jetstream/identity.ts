// SPDX-License-Identifier: Apache-2.0

import { credsAuthenticator, nkeyAuthenticator } from "@nats-io/transport-node";
import type { Authenticator, NodeConnectionOptions } from "@nats-io/transport-node";

import { describeError } from "../../base/mod.ts";
import type { Logger } from "../../base/mod.ts";
import { EventLogError } from "../event-log.ts";
import type { NatsCredentials } from "./options.ts";
import { readSecretFile } from "./secret-file.ts";

/**
 * Who we are, as NATS's client wants it. What comes from a file comes from it anew at each attempt to connect.
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
 * An authenticator that throws ends the client's connection for good. So a file that is gone or half written keeps
 * nobody out: we come with what it held before, and again later.
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
      // The cause would show what is in the file.
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
