// SPDX-License-Identifier: Apache-2.0

import { CodedError } from "../base/mod.ts";
import type { UserFunctionStatus } from "../userfunction/mod.ts";

import type { ListeningSocket } from "./listening-ports.ts";

export type StartErrorCode =
  /** Nothing takes connections where the user function should be. */
  | "USER_FUNCTION_NOT_LISTENING"
  /** A server listens there, but it does not speak gRPC. */
  | "USER_FUNCTION_NOT_GRPC"
  /** All that it announced was refused. */
  | "USER_FUNCTION_REFUSED"
  /** It did not answer discovery, for another reason. */
  | "USER_FUNCTION_NOT_READY";

/** Why a proxy that has never served ends. */
export class StartError extends CodedError<StartErrorCode> {}

/** What the start waited for. */
export interface StartTarget {
  readonly host: string;
  readonly port: number;
  /** Ports of the proxy itself. */
  readonly ownPorts: readonly number[];
}

/** Ports of Knative's queue-proxy in the same pod (serving/pkg/networking/constants.go). */
const QUEUE_PORTS = [8_008, 8_012, 8_013, 8_022, 8_112, 9_090, 9_091];

/** At most so many ports are named in the text, because in the network of a whole machine there may be any number. */
const MAX_NAMED = 5;

/**
 * Why the start has failed, in terms that the developer of the user function knows.
 *
 * @param waitedMs how long the proxy waited for the user function.
 * @param sockets the listening sockets of the pod or machine.
 */
export function startError(
  status: UserFunctionStatus,
  target: StartTarget,
  waitedMs: number,
  sockets: readonly ListeningSocket[],
): StartError {
  const place = placeOf(target);
  if (status.kind === "rejected") {
    const text = `the user function on ${place} was refused: ${status.errors.join("; ")}`;
    return new StartError("USER_FUNCTION_REFUSED", text);
  }
  const { problem, code } =
    status.kind === "connecting" ? status : { problem: "it went away", code: undefined };
  const within = `${waitedMs / 1_000} s`;
  if (code === "CONNECT_REFUSED") {
    const text = `the user function does not listen on ${place}, ${within} after the start`;
    return new StartError("USER_FUNCTION_NOT_LISTENING", `${text}; ${advice(target, sockets)}`);
  }
  if (code === "WRONG_PROTOCOL" || code === "BAD_RESPONSE") {
    const why = code === "WRONG_PROTOCOL" ? "it answers, but not in HTTP/2" : problem;
    const text =
      `what listens on ${place} does not speak gRPC: ${why}. A user function is a gRPC server without TLS, ` +
      "made with an SDK of Perdure or Cloudstate; an HTTP server is an ordinary Knative service, without perdure.dev/stateful";
    return new StartError("USER_FUNCTION_NOT_GRPC", text);
  }
  const why = problem === "" ? "it does not answer" : problem;
  const text = `no user function was found on ${place} within ${within}: ${why}`;
  return new StartError("USER_FUNCTION_NOT_READY", text);
}

function advice({ host, port, ownPorts }: StartTarget, sockets: readonly ListeningSocket[]): string {
  const slow = "if it takes longer to start, give it more time (perdure.dev/start-timeout, --start-timeout)";
  if (!isLoopback(host)) return slow;
  const elsewhere = sockets.filter((socket) => socket.port === port).map(({ address }) => address);
  if (elsewhere.length > 0) {
    return `it has that port at ${elsewhere.join(", ")} only: let it listen on 127.0.0.1 or on all addresses`;
  }
  const known = new Set([...ownPorts, ...QUEUE_PORTS]);
  const others = [...new Set(sockets.map((socket) => socket.port))].filter((each) => !known.has(each));
  if (others.length === 0) return `nothing else listens in its place: look at its log, and ${slow}`;
  const named = others.sort((a, b) => a - b).slice(0, MAX_NAMED);
  const list = others.length > MAX_NAMED ? `${named.join(", ")} and more` : named.join(", ");
  return (
    `something listens on ${list}: if that is the function, say so (kn: --port h2c:${named[0]}; or the annotation ` +
    `perdure.dev/user-function-port=${named[0]}, or USER_FUNCTION_PORT), or let it listen on ${port}`
  );
}

function placeOf({ host, port }: StartTarget): string {
  if (isLoopback(host)) return String(port);
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
