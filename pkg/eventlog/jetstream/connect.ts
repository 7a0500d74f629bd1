// SPDX-License-Identifier: Apache-2.0

import type { NodeConnectionOptions } from "@nats-io/transport-node";
import { connect } from "@nats-io/transport-node";

import { identityOf } from "./identity.ts";
import { NatsLink } from "./link.ts";
import { translateConnectError } from "./nats-error.ts";
import type { JetStreamLogOptions } from "./options.ts";
import { tlsOf } from "./tls.ts";

/**
 * Connects to one of the servers, the first that answers.
 *
 * @param server `host:port`, or several, separated by commas.
 * @param name What the server's monitoring calls the connection.
 * @throws EventLogError `LOG_UNAVAILABLE` if none answers, `LOG_UNUSABLE` if one refuses us or a file cannot be read.
 */
export async function connectLink(
  server: string,
  name: string,
  options: JetStreamLogOptions,
): Promise<NatsLink> {
  const { logger } = options;
  const secrets = { ...identityOf(options.credentials, logger), ...tlsOf(options.tls) };
  try {
    const connection = await connect({ servers: server.split(","), name, ...manners(options), ...secrets });
    return new NatsLink(connection, server, options);
  } catch (thrown) {
    throw translateConnectError(thrown, server);
  }
}

/** Replaces the client's defaults, which give up after ten attempts and notice a dead peer after four minutes. */
function manners(options: JetStreamLogOptions): NodeConnectionOptions {
  return {
    inboxPrefix: options.inboxPrefix,
    timeout: options.connectTimeoutMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: options.reconnectDelayMs,
    reconnectJitter: options.reconnectJitterMs,
    reconnectJitterTLS: options.reconnectJitterMs,
    // The client keeps trying after refused credentials, because an operator may correct them.
    ignoreAuthErrorAbort: true,
    pingInterval: options.pingIntervalMs,
    maxPingOut: 2,
    // Recording a stack is the most expensive part of a request that succeeds.
    noAsyncTraces: true,
  };
}
