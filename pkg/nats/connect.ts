// SPDX-License-Identifier: Apache-2.0

import type { NodeConnectionOptions } from "@nats-io/transport-node";
import { connect } from "@nats-io/transport-node";

import { connectError } from "./client-error.ts";
import { identityOf } from "./identity.ts";
import { NatsLink } from "./link.ts";
import type { NatsOptions, NatsTarget } from "./options.ts";
import { tlsOf } from "./tls.ts";

/**
 * Connects to one of the servers, the first that answers.
 *
 * @throws NatsError `NATS_UNREACHABLE` if it may succeed later. `NATS_UNAUTHORIZED`, `NATS_BAD_TLS` or `NATS_BAD_FILE`
 * if an operator has to do what the text says.
 */
export async function connectNats(target: NatsTarget, options: NatsOptions): Promise<NatsLink> {
  const { server, name, purpose } = target;
  const { credentials, telemetry, tls } = options;
  const secrets = { ...identityOf(credentials, telemetry.logger, purpose), ...tlsOf(tls) };
  try {
    const connection = await connect({ servers: server.split(","), name, ...manners(options), ...secrets });
    return new NatsLink(connection, target, options);
  } catch (thrown) {
    throw connectError(thrown, server);
  }
}

/** Replaces the client's defaults, which give up after ten attempts and notice a dead peer after four minutes. */
function manners(options: NatsOptions): NodeConnectionOptions {
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
