// SPDX-License-Identifier: Apache-2.0

import type { Charge } from "../base/mod.ts";
import type { CallProtocol, EndedCall } from "../grpc/mod.ts";
import type { HttpRequest } from "./http/exchange.ts";

/** A request that has its answer, or whose caller has gone, for whoever keeps a record of requests. */
export interface AnsweredRequest {
  readonly protocol: "http" | CallProtocol;
  /** As `GET`; undefined if it is none of HTTP/JSON, or could not be read. */
  readonly method: string | undefined;
  /** As it came, percent-encoded and with the query; empty if it could not be read. */
  readonly target: string;
  /** Of HTTP if it is of HTTP/JSON, else of gRPC. */
  readonly status: number;
  /** Which documented reason a failure has. */
  readonly code: string | undefined;
  /** From its head to the end of its answer. */
  readonly tookMs: number;
  /** What it holds of its caller's memory, by which a command is known whose request it is; undefined if nothing. */
  readonly bytes: Charge | undefined;
}

/** Hears of every request to the public port, whatever its protocol. May not throw. */
export type AnswerListener = (answered: AnsweredRequest) => void;

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

/** A request that was refused by its head, or that has none. */
export function refusedHttp(
  { method, url = "" }: { readonly method?: string | undefined; readonly url?: string | undefined },
  { status, errorCode: code }: { readonly status: number; readonly errorCode: string | undefined },
): AnsweredRequest {
  return { protocol: "http", method, target: url, status, code, tookMs: 0, bytes: undefined };
}
