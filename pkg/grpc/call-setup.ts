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

/** The format of messages that a content type of gRPC or gRPC-Web names behind a plus sign. */
const FORMAT = /^[^+;]*\+([^;]*)/;

/** How the caller packs its messages, which have to be protobuf. @throws StatusError `UNKNOWN_FORMAT`, `UNKNOWN_ENCODING` */
export function requestEncoding(headers: IncomingHttpHeaders): Encoding {
  const format = FORMAT.exec(headers["content-type"] ?? "")?.[1]?.trim() ?? "proto";
  if (format !== "proto") {
    const text = `messages as ${format.slice(0, 32)} are not read here; they have to be proto`;
    throw grpcError(Status.UNIMPLEMENTED, "UNKNOWN_FORMAT", text);
  }
  const encoding = parseEncoding(headers["grpc-encoding"] as string | undefined);
  if (encoding !== undefined) return encoding;
  const text = `messages packed as ${String(headers["grpc-encoding"])} are not read here`;
  throw grpcError(Status.UNIMPLEMENTED, "UNKNOWN_ENCODING", text);
}
