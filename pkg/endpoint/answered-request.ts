// SPDX-License-Identifier: Apache-2.0

import type { Charge } from "../base/mod.ts";
import type { CallProtocol, EndedCall } from "../grpc/mod.ts";

import type { HttpRequest } from "./http/exchange.ts";

/** A request that was answered, or whose caller has gone, as code that records requests gets it. */
export interface AnsweredRequest {
  readonly protocol: "http" | CallProtocol;
  /** For example `GET`; undefined if the request is not HTTP/JSON, or could not be read. */
  readonly method: string | undefined;
  /** As it came, percent-encoded and with the query; empty if it could not be read. */
  readonly target: string;
  /** The HTTP status of a request of HTTP/JSON, else the gRPC status. */
  readonly status: number;
  /** The documented code of a failure. */
  readonly code: string | undefined;
  /** From the head of the request to the end of its answer, in milliseconds. */
  readonly tookMs: number;
  /** The request's part of its caller's share; undefined if none. A command of the request has the same object. */
  readonly bytes: Charge | undefined;
}

/** Called for every request to the public port, whatever its protocol. Must not throw. */
export type AnswerListener = (answered: AnsweredRequest) => void;

/** Called for each request that is refused because of its head, or whose head could not be read. Must not throw. */
export type RefusalListener = (request: HttpHead, answer: RefusedAnswer) => void;

interface HttpHead {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
}

interface RefusedAnswer {
  readonly status: number;
  readonly errorCode: string | undefined;
}

/** A call of gRPC, gRPC-Web or a WebSocket. */
export function answeredCall({ path, openedMs, ...call }: EndedCall, nowMs: number): AnsweredRequest {
  return { ...call, method: undefined, target: path, tookMs: nowMs - openedMs };
}

/** A request of HTTP/JSON. */
export function answeredHttp(
  { method, target, request }: Pick<HttpRequest, "method" | "target" | "request">,
  answer: { readonly status: number; readonly errorCode?: string | undefined },
  tookMs: number,
): AnsweredRequest {
  const { status, errorCode: code } = answer;
  return { protocol: "http", method, target, status, code, tookMs, bytes: request.bytes };
}

/** A request that was refused because of its head, or whose head could not be read. */
export function refusedHttp(
  { method, url = "" }: HttpHead,
  { status, errorCode: code }: RefusedAnswer,
): AnsweredRequest {
  return { protocol: "http", method, target: url, status, code, tookMs: 0, bytes: undefined };
}
