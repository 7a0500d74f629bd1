// SPDX-License-Identifier: Apache-2.0

import type { ClientHttp2Session, ClientSessionOptions } from "node:http2";
import { connect as connectHttp2 } from "node:http2";

import type { ConnectOptions } from "./client-options.ts";
import { resolveConnectOptions } from "./client-options.ts";
import { Connection } from "./connection.ts";
import { grpcError } from "./grpc-error.ts";
import { connectError } from "./http2-error.ts";
import { CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES } from "./message-reader.ts";
import { DEFAULT_MAX_METADATA_BYTES } from "./metadata-headers.ts";
import { Status } from "./status.ts";

/** Node's bound on the memory of one session, in megabytes. Ours are per stream and per connection. */
const MAX_SESSION_MEMORY_MB = 1_024;

/** Room for the fields of gRPC itself, on top of the metadata, in bytes as HTTP/2 counts a header list. */
const OWN_FIELDS_BYTES = 8_192;

const SESSION_OPTIONS: ClientSessionOptions = {
  // Otherwise nghttp2 drops a field with a blank at an edge, and a status would lose its text.
  strictFieldWhitespaceValidation: false,
  maxSessionMemory: MAX_SESSION_MEMORY_MB,
  settings: {
    enablePush: false,
    initialWindowSize: STREAM_WINDOW_BYTES,
    maxHeaderListSize: DEFAULT_MAX_METADATA_BYTES + OWN_FIELDS_BYTES,
  },
};

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
      session = connectHttp2(`http://${authority}`, SESSION_OPTIONS);
    } catch (error) {
      return reject(connectError(authority, error));
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
      session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
      resolve(new Connection(session, authority, options));
    });
  });
}
