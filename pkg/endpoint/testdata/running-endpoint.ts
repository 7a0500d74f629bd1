// SPDX-License-Identifier: Apache-2.0

import type { Socket } from "node:net";
import { connect } from "node:net";

import type { ExecutionContext } from "ava";

import type { Clock } from "../../base/mod.ts";
import { systemClock } from "../../base/mod.ts";
import type { CallerAccounts } from "../../grpc/mod.ts";
import { callerAccounts } from "../../grpc/mod.ts";
import { NO_METADATA } from "../../protocol/mod.ts";
import type { CommandReply, Dispatch, StreamedCommand } from "../../router/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";
import type { UserFunctionSpec } from "../../userfunction/mod.ts";

import type { Endpoint } from "../endpoint.ts";
import { startEndpoint } from "../endpoint.ts";
import type { EndpointOptions } from "../options.ts";
import { DEFAULT_ENDPOINT_OPTIONS } from "../options.ts";
import { librarySpec } from "./library-spec.ts";

export const spec = librarySpec();

/** Answers every command with its input, which is right where a method gives back what it takes. */
export const echo: Dispatch["unary"] = async ({ payload }) => ({ payload, metadata: NO_METADATA });

/** The same for each message of a stream. */
export async function* echoStream({ input }: StreamedCommand): AsyncIterable<CommandReply> {
  for await (const payload of input) yield { payload, metadata: NO_METADATA };
}

/** A dispatch of which only one half matters to a test. */
export function dispatchOf(unary: Dispatch["unary"], streamed: Dispatch["streamed"] = echoStream): Dispatch {
  return { unary, streamed };
}

/** An endpoint on a free port that serves the library, until the test is over. */
export async function runEndpoint(
  t: ExecutionContext,
  unary: Dispatch["unary"] = echo,
  options: Partial<EndpointOptions> = {},
  streamed: Dispatch["streamed"] = echoStream,
  clock: Clock = systemClock,
  served: UserFunctionSpec = spec,
  telemetry: Telemetry = NO_TELEMETRY,
): Promise<Endpoint & { readonly url: string; readonly accounts: CallerAccounts }> {
  const { maxBufferedBytes, maxOpenRequests } = { ...DEFAULT_ENDPOINT_OPTIONS, ...options };
  const accounts = callerAccounts(maxBufferedBytes, maxOpenRequests);
  const endpoint = await startEndpoint(
    { httpPort: 0, httpHost: "127.0.0.1", ...options },
    { dispatch: dispatchOf(unary, streamed), clock, telemetry, accounts },
  );
  t.teardown(() => endpoint.close(0));
  endpoint.setSpec(served);
  return { ...endpoint, accounts, url: `http://127.0.0.1:${endpoint.port}` };
}

/** A read of one book, over HTTP/1.1, and what is answered. */
export const GET = "GET /books/1 HTTP/1.1\r\nhost: x\r\n\r\n";
export const BOOK = '{"isbn":"1","title":"","tags":[],"copies":"0"}';

/** The head of a change of one book, without its end. */
export const PUT = "PUT /books/1 HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

/** Checks that the port still serves. */
export async function serves(t: ExecutionContext, { port }: Endpoint): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/books/1`);
  t.is(await response.text(), BOOK);
}

/** A bare connection that gathers what it is sent. */
export class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<string>;
  #received = "";

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.setEncoding("latin1");
    this.socket.on("error", () => undefined);
    this.socket.on("data", (chunk: string) => (this.#received += chunk));
    this.closed = new Promise((resolve) => this.socket.on("close", () => resolve(this.#received)));
  }

  /** Everything received so far. */
  get received(): string {
    return this.#received;
  }

  send(bytes: string | Uint8Array): this {
    this.socket.write(bytes);
    return this;
  }

  /** Resolves with everything received once it holds the text, or the connection is closed. */
  async until(text: string): Promise<string> {
    while (!this.#received.includes(text) && !this.socket.closed) {
      await new Promise((resolve) => this.socket.once("data", resolve).once("close", resolve));
    }
    return this.#received;
  }
}
