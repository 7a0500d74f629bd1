// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders } from "node:http2";

import { parseEncoding } from "./compression.ts";
import type { Encoding } from "./compression.ts";
import { grpcError } from "./grpc-error.ts";
import type { MethodHandler } from "./server-call.ts";
import type { ServerContext } from "./server-context.ts";
import { Status } from "./status.ts";

/** The method of a path. @throws StatusError `TOO_MANY_CALLS`, `UNKNOWN_METHOD` */
export function findMethod({ options, openCalls }: ServerContext, path: string): MethodHandler {
  if (openCalls >= options.maxOpenCalls) {
    const text = `the server has ${options.maxOpenCalls} calls open; try again later`;
    throw grpcError(Status.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS", text);
  }
  const method = options.lookup(path);
  if (method === undefined)
    throw grpcError(Status.UNIMPLEMENTED, "UNKNOWN_METHOD", `there is no method ${path}`);
  return method;
}

/** How the caller packs its messages. @throws StatusError `UNKNOWN_ENCODING` */
export function requestEncoding(headers: IncomingHttpHeaders): Encoding {
  const encoding = parseEncoding(headers["grpc-encoding"] as string | undefined);
  if (encoding !== undefined) return encoding;
  const text = `messages packed as ${String(headers["grpc-encoding"])} are not read here`;
  throw grpcError(Status.UNIMPLEMENTED, "UNKNOWN_ENCODING", text);
}
