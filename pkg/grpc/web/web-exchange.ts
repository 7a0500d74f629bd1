// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders } from "node:http2";
import type { Readable, Writable } from "node:stream";

import type { OpenRequest } from "../caller.ts";

/** An HTTP request and the way to answer it, over whichever version of HTTP. */
export interface WebExchange {
  readonly method: string;
  /** As on the request line: percent-encoded, with the query. */
  readonly target: string;
  /** All headers as Node gives them. */
  readonly headers: IncomingHttpHeaders;
  /** The same as a flat list of names and values, in the order in which they came. */
  readonly rawHeaders: readonly string[];
  /** The request's share of its caller's bounds, held until `onClose`. */
  readonly request: OpenRequest;
  /** True if the caller has gone; the body is then incomplete. */
  readonly gone: boolean;
  /** The body, of which nothing has been read, as it arrives before `openBody`. It may not be read yet. */
  readonly unopenedBody: Readable;
  /** The body, which the client is invited to send if it asked for that. To be called once at most. */
  openBody(): Readable;
  /**
   * Begins the answer, whose body is written to the returned stream; the caller of `begin` must end that stream.
   * Undefined: the client has gone. To be called once.
   */
  begin(status: number, headers: readonly string[]): Writable | undefined;
  /** Discards the rest of the body, because nothing will read it. */
  discardBody(): void;
  /** Ends an answer so that the caller sees that something is missing. */
  abort(): void;
  /** Calls the listener once if the caller goes away before the answer is written. */
  onCancel(listener: () => void): void;
  /** Calls the listener once when all is over, however it ended. */
  onClose(listener: () => void): void;
}
