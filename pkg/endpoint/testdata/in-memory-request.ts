// SPDX-License-Identifier: Apache-2.0

import { callerAccounts, newCaller, OpenRequest } from "../../grpc/mod.ts";

import type { HttpRequest } from "../http/exchange.ts";

export interface RequestParts {
  readonly contentType?: string | undefined;
  readonly body?: string | Buffer;
}

/** A request without a socket: `GET /books/1?x=y`. With a body it is JSON unless told otherwise. */
export function inMemoryRequest(line: string, parts: RequestParts = {}): HttpRequest {
  const [method = "", target = ""] = line.split(" ");
  const { body } = parts;
  return {
    method,
    target,
    contentType:
      "contentType" in parts ? parts.contentType : body === undefined ? undefined : "application/json",
    headers: {},
    rawHeaders: [],
    request: new OpenRequest(newCaller(callerAccounts(1e9, 1e6)), 0),
    gone: false,
    hasBody: body !== undefined && body.length > 0,
    readBody: async () => Buffer.from(body ?? ""),
    onCancel: () => undefined,
  };
}
