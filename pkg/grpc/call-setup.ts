// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders } from "node:http2";

import { CODE_FIELD } from "./call-end.ts";
import type { OpenRequest } from "./caller.ts";
import type { Encoding } from "./compression.ts";
import { parseEncoding } from "./compression.ts";
import { bufferFull, grpcError } from "./grpc-error.ts";
import type { MethodHandler } from "./server-call.ts";
import type { ServerContext } from "./server-context.ts";
import { Status } from "./status.ts";

/** Why a request is no call at all, so that its answer is plain HTTP. */
type NoCallErrorCode =
  /** Another method than POST. */
  | "METHOD_NOT_ALLOWED"
  /** Another content type than gRPC's. */
  | "UNSUPPORTED_CONTENT_TYPE";

/** The header that says why a request is no call, as name and value. */
export function noCallHeader(code: NoCallErrorCode): readonly [string, string] {
  return [CODE_FIELD, code];
}

/** @throws StatusError `TOO_MANY_CALLS`, `RECEIVE_BUFFER_FULL` if the request was refused. */
export function checkAdmitted({ refusal }: OpenRequest): void {
  if (refusal === undefined) return;
  if (refusal === "bytes") throw bufferFull();
  const text = "as many calls are open as the server takes, or as it takes from this caller; try again later";
  throw grpcError(Status.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS", text);
}

/** The method of a path. @throws StatusError `UNKNOWN_METHOD` */
export function findMethod({ options }: ServerContext, path: string): MethodHandler {
  const method = options.lookup(path);
  if (method === undefined)
    throw grpcError(Status.UNIMPLEMENTED, "UNKNOWN_METHOD", `there is no method ${path}`);
  return method;
}

/** Finds the message format after the plus sign in a content type of gRPC or gRPC-Web. */
const FORMAT = /^[^+;]*\+([^;]*)/;

/** The caller's compression, of protobuf messages. @throws StatusError `UNKNOWN_FORMAT`, `UNKNOWN_ENCODING` */
export function requestEncoding(headers: IncomingHttpHeaders): Encoding {
  const contentType = headers["content-type"];
  if (contentType !== "application/grpc") checkFormat(contentType);
  const encoding = parseEncoding(headers["grpc-encoding"] as string | undefined);
  if (encoding !== undefined) return encoding;
  const text = `messages packed as ${String(headers["grpc-encoding"])} are not read here`;
  throw grpcError(Status.UNIMPLEMENTED, "UNKNOWN_ENCODING", text);
}

/** @throws StatusError `UNKNOWN_FORMAT` */
function checkFormat(contentType: string | undefined): void {
  const format = FORMAT.exec(contentType ?? "")?.[1]?.trim() ?? "proto";
  if (format === "proto") return;
  const text = `messages as ${format.slice(0, 32)} are not read here; they have to be proto`;
  throw grpcError(Status.UNIMPLEMENTED, "UNKNOWN_FORMAT", text);
}
