// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import type { Readable, Writable } from "node:stream";

import type { Turns } from "../../base/mod.ts";
import type { Caller, CallerAccounts } from "../../grpc/mod.ts";
import { callerOf, headBytes, OpenRequest } from "../../grpc/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";

import type { BodyReader } from "./body.ts";
import type { CrossOrigin } from "./cors.ts";
import type { HttpExchange, HttpHandler } from "./exchange.ts";

export interface Http2Context {
  readonly handle: HttpHandler;
  readonly bodies: BodyReader;
  readonly accounts: CallerAccounts;
  /** Turns for streams that begin, shared with the streams of gRPC. */
  readonly turns: Turns<Caller>;
  readonly crossOrigin: CrossOrigin | undefined;
  readonly telemetry: Telemetry;
}

/** Serves one stream of HTTP/2 that does not speak gRPC. */
export function serveHttp2Stream(
  context: Http2Context,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
): void {
  // A broken stream is noticed by its "close". Without a listener the error would end the process (I12). The listener
  // is the same for all streams, because one made here would keep the exchange as long as the stream is in memory.
  stream.on("error", ignore);
  const caller = callerOf(stream.session, context.accounts);
  const exchange = new Http2Exchange(stream, headers, rawHeaders, caller, context);
  const begin = (): void => {
    context.handle(exchange).catch((error: unknown) => {
      context.telemetry.logger.error("answer could not be written", { error });
      stream.destroy();
    });
  };
  if (context.turns.begin()) return begin();
  context.turns.wait(caller, () => {
    if (exchange.gone) return false;
    begin();
    return true;
  });
}

const ignore = (): void => undefined;

class Http2Exchange implements HttpExchange {
  readonly #stream: ServerHttp2Stream;
  readonly #context: Http2Context;
  readonly request: OpenRequest;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
    caller: Caller,
    context: Http2Context,
  ) {
    this.#stream = stream;
    this.#context = context;
    this.request = new OpenRequest(caller, headBytes(rawHeaders));
    stream.once("close", () => this.request.close());
    this.headers = headers;
    this.rawHeaders = rawHeaders;
  }

  get method(): string {
    return this.headers[":method"] ?? "";
  }

  get target(): string {
    return this.headers[":path"] ?? "";
  }

  get contentType(): string | undefined {
    return this.headers["content-type"];
  }

  get hasBody(): boolean {
    return !this.#stream.endAfterHeaders;
  }

  async readBody(): Promise<Buffer> {
    this.#context.bodies.checkLength(this.headers["content-length"]);
    return this.#context.bodies.read(this.#stream, this.request.bytes, this.request);
  }

  get gone(): boolean {
    return this.#stream.closed || this.#stream.destroyed;
  }

  get unopenedBody(): Readable {
    return this.#stream;
  }

  openBody(): Readable {
    return this.#stream;
  }

  onClose(listener: () => void): void {
    if (this.#stream.destroyed) listener();
    else this.#stream.once("close", listener);
  }

  onCancel(listener: () => void): void {
    // Node emits "aborted" if the stream is closed before the answer was written whole.
    if (this.#stream.aborted) listener();
    else this.#stream.once("aborted", listener);
  }

  begin(status: number, headers: readonly string[]): Writable | undefined {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return undefined;
    const all = [":status", String(status), ...headers];
    const { crossOrigin } = this.#context;
    if (crossOrigin !== undefined) all.push(...crossOrigin.headers(this.headers));
    stream.respond(all);
    return stream;
  }

  /** Drops the rest of the body. Once the answer has been sent, the client is told to stop sending (RFC 9113, 8.1). */
  discardBody(): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.readableEnded || stream.endAfterHeaders) return;
    if (stream.writableFinished) stream.close(constants.NGHTTP2_NO_ERROR);
    else stream.once("finish", () => stream.close(constants.NGHTTP2_NO_ERROR));
    stream.removeAllListeners("data").resume();
    stream.on("data", (chunk: Buffer) => void this.request.takePieces(1, chunk.length, 0));
  }

  abort(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}
