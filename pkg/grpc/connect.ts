// SPDX-License-Identifier: Apache-2.0

import type { ClientHttp2Session } from "node:http2";
import { connect as connectHttp2 } from "node:http2";

import type { ConnectOptions, ResolvedConnectOptions } from "./client-options.ts";
import { resolveConnectOptions } from "./client-options.ts";
import { Connection } from "./connection.ts";
import { grpcError } from "./grpc-error.ts";
import { connectError } from "./http2-error.ts";
import { Status } from "./status.ts";

/**
 * Node's bound on the memory of one session, in megabytes. Perdure sets its own bounds per stream and per connection.
 */
const MAX_SESSION_MEMORY_MB = 1_024;

/** Room for the fields of gRPC itself, on top of the metadata, in bytes as HTTP/2 counts a header list. */
const OWN_FIELDS_BYTES = 8_192;

/**
 * Connects to a gRPC server without TLS and waits for its settings, so that its limits are known before the first call.
 *
 * @throws GrpcError UNAVAILABLE with `CONNECT_FAILED`, `CONNECT_REFUSED`, `CONNECT_TIMEOUT` or `WRONG_PROTOCOL`.
 */
export function connect(connectOptions: ConnectOptions): Promise<Connection> {
  const options = resolveConnectOptions(connectOptions);
  const { host, port, clock, connectTimeoutMs } = options;
  const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return new Promise((resolve, reject) => {
    let session: ClientHttp2Session;
    try {
      session = openSession(authority, options);
    } catch (error) {
      reject(connectError(authority, error));
      return;
    }
    const fail = (error: unknown): void => {
      timer.cancel();
      reject(connectError(authority, error));
      session.destroy();
    };
    const timer = clock.schedule(connectTimeoutMs, () => {
      const text = `cannot connect to ${authority}: no HTTP/2 settings within ${connectTimeoutMs} ms`;
      fail(grpcError(Status.UNAVAILABLE, "CONNECT_TIMEOUT", text));
    });
    // These listeners stay after a failure, because a session may emit more than one error at its end.
    session.on("error", fail);
    session.on("close", fail);
    session.once("remoteSettings", () => {
      timer.cancel();
      session.off("error", fail);
      session.off("close", fail);
      session.setLocalWindowSize(options.connectionWindowBytes);
      resolve(new Connection(session, authority, options));
    });
  });
}

function openSession(authority: string, options: ResolvedConnectOptions): ClientHttp2Session {
  return connectHttp2(`http://${authority}`, {
    // Otherwise nghttp2 drops a field with a blank at an edge, and a status would lose its text.
    strictFieldWhitespaceValidation: false,
    maxSessionMemory: MAX_SESSION_MEMORY_MB,
    settings: {
      enablePush: false,
      initialWindowSize: options.streamWindowBytes,
      maxHeaderListSize: options.maxMetadataBytes + OWN_FIELDS_BYTES,
    },
  });
}
