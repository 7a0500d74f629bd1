// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage } from "node:http";
import type { IncomingHttpHeaders } from "node:http2";

import type { BidiMethod, StatusError } from "../../grpc/mod.ts";

import type { CrossOrigin } from "../http/cors.ts";
import { HttpError } from "../http/http-error.ts";
import type { Subprotocol } from "./message-format.ts";
import { SUBPROTOCOLS } from "./message-format.ts";
import type { WebSocketMethod, WebSocketMethods } from "./methods.ts";
import { isForeignPage, passedHeaders } from "./origin.ts";

/** A request for a WebSocket that is granted. */
export interface Handshake {
  readonly path: string;
  readonly method: WebSocketMethod;
  readonly handler: BidiMethod;
  readonly subprotocol: Subprotocol;
  /** The headers of the request that the method gets. */
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
}

/** RFC 6455, 4.1: 16 bytes in base64. */
const KEY = /^[+/0-9A-Za-z]{22}==$/;
/** The one version that RFC 6455 knows. */
export const VERSION = "13";

/** Whether a request asks for a WebSocket. Any other upgrade is ignored, as RFC 9110, 7.8 lets a server do. */
export function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === "GET" && headers.upgrade?.toLowerCase() === "websocket";
}

/** Accepts a request for a WebSocket. @throws HttpError, or StatusError if its method is announced and not served. */
export function readHandshake(
  { url = "", headers, rawHeaders }: IncomingMessage,
  methods: WebSocketMethods,
  refusalOf: (path: string) => StatusError | undefined,
  crossOrigin: CrossOrigin | undefined,
): Handshake {
  const isForeign = isForeignPage(headers, crossOrigin);
  const [path = ""] = url.split("?", 1);
  const method = methods.get(path);
  if (method === undefined) {
    const refusal = refusalOf(path);
    if (refusal !== undefined) throw refusal;
    const text = "no method is served under this path; for a WebSocket it is /<package.Service>/<Method>";
    throw new HttpError("UNKNOWN_PATH", text);
  }
  const { handler } = method;
  if (handler === undefined) {
    const text = `${method.desc.name} takes one message and gives one, which needs no WebSocket`;
    throw new HttpError("NOT_STREAMED", text);
  }
  if (headers["sec-websocket-version"] !== VERSION || !KEY.test(headers["sec-websocket-key"] ?? ""))
    throw new HttpError("MALFORMED_REQUEST", `this is no handshake of WebSocket version ${VERSION}`);
  const subprotocol = readSubprotocol(headers["sec-websocket-protocol"]);
  return { path, method, handler, subprotocol, ...passedHeaders(headers, rawHeaders, isForeign) };
}

/** The first subprotocol of ours that a caller offers. Other names that it offers may be meant for the action. */
export function knownSubprotocol(names: Iterable<string>): Subprotocol | undefined {
  return [...names].find((name) => SUBPROTOCOLS.some((known) => known === name)) as Subprotocol | undefined;
}

function readSubprotocol(asked: string | undefined): Subprotocol {
  if (asked === undefined) return "perdure.json";
  const known = knownSubprotocol(asked.split(",").map((name) => name.trim()));
  if (known !== undefined) return known;
  const text = `none of these WebSocket subprotocols is spoken here; ${SUBPROTOCOLS.join(" and ")} are`;
  throw new HttpError("UNKNOWN_SUBPROTOCOL", text);
}
